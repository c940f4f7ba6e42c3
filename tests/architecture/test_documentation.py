"""The documents tell the truth where a machine can check it."""

import re
import shlex
from collections.abc import Iterator

import pytest

from kb.telemetry import Metrics
from tests.architecture.command_line import check_usage, find_command
from tests.architecture.source import ROOT, table_rows

DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONVENTIONS.md",
    "docs/answers.md",
    "docs/benchmarks.md",
    "docs/operations.md",
    "docs/retrieval.md",
    "docs/security.md",
)
COMMAND_LINE = r"^(?:\$ )?(?:docker compose exec \w+ )?(?:\.venv/bin/)?footnote (\S.*)$"
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(
    r"`((?:kb|language|ingest|app|evals|footnote|migrations|models|tests|docs)/[\w./]*\w/?)`"
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def command_lines(markdown: str) -> Iterator[str]:
    """Every line of a code block that runs `footnote`."""
    for block in re.findall(r"^```\w*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL):
        lines = block.replace("\\\n", " ")
        yield from re.findall(COMMAND_LINE, lines, flags=re.MULTILINE)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_line_in_a_document_can_be_run(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    for command in command_lines(text_of(name)):
        check_usage(shlex.split(command, comments=True))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_that_a_document_mentions_exists(name: str) -> None:
    for mentioned in re.findall(r"`footnote\s([a-z][^`]*)`", text_of(name)):
        find_command(mentioned.split())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_exists(name: str) -> None:
    text = text_of(name)
    links = [target for target in LINK.findall(text) if "://" not in target]
    here = (ROOT / name).parent

    missing = [target for target in links if not (here / target).exists()]
    missing += [path for path in PATH.findall(text) if not (ROOT / path).exists()]

    assert missing == []


def test_every_metric_is_documented_and_no_other() -> None:
    rows = table_rows(text_of("docs/operations.md"))
    documented = {row[0].strip("`") for row in rows if row[0].startswith("`footnote_")}

    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics().registry.collect()
    }

    assert documented == exposed
