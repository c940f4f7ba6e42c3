"""The documents tell the truth where a machine can check it."""

import re
import shlex
from collections.abc import Iterator

import pytest

from kb.telemetry import Metrics
from tests.architecture.source import ROOT, table_rows
from tests.command_line import check_usage

DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONVENTIONS.md",
    "docs/operations.md",
    "docs/security.md",
)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(
    r"`((?:kb|ingest|app|evals|footnote|migrations|tests|docs|examples)/[\w./]*\w/?)`"
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(markdown: str) -> Iterator[str]:
    """Every `footnote ...` line of a code block, and the same in backticks."""
    for block in re.findall(r"^```\w*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^(?:\$ )?(?:\.venv/bin/)?footnote (.+)$", block, re.MULTILINE)
    yield from re.findall(r"`footnote ([a-z][^`]*)`", markdown)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_in_a_document_exists(name: str) -> None:
    for command in commands(text_of(name)):
        check_usage(shlex.split(command, comments=True))


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
