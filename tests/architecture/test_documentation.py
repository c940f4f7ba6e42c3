"""The documents tell the truth where a machine can check it."""

import re
import shlex
from collections.abc import Iterator

import pytest

from footnote.reference import render_reference
from tests.architecture.command_line import check_usage, find_command
from tests.architecture.source import ROOT

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder, pattern in (
        (ROOT, "*.md"),
        (ROOT / "docs", "**/*.md"),
        (ROOT / "evals/notes", "*.md"),
        (ROOT / "clients/python", "*.md"),
    )
    for path in folder.glob(pattern)
    if path.name != "CHANGELOG.md"
)
"""Every page but the log of changes, which names what is gone."""

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


def test_every_command_line_in_a_document_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    for name in DOCUMENTS:
        for command in command_lines(text_of(name)):
            check_usage(shlex.split(command, comments=True))


def test_every_command_that_a_document_mentions_exists() -> None:
    for name in DOCUMENTS:
        for mentioned in re.findall(r"`footnote\s([a-z][^`]*)`", text_of(name)):
            find_command(mentioned.split())


def test_every_file_that_a_document_names_exists() -> None:
    missing: list[tuple[str, str]] = []
    for name in DOCUMENTS:
        text, here = text_of(name), (ROOT / name).parent
        links = [target for target in LINK.findall(text) if "://" not in target]
        missing += [(name, target) for target in links if not (here / target).exists()]
        missing += [(name, path) for path in PATH.findall(text) if not (ROOT / path).exists()]

    assert missing == []


def test_the_reference_is_what_the_code_says() -> None:
    assert text_of("docs/reference.md") == render_reference(), (
        "run: python -m footnote.reference > docs/reference.md"
    )


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[str] = set()
    waiting = {"README.md"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        folder = (ROOT / name).parent
        targets = {(folder / target).resolve() for target in LINK.findall(text_of(name))}
        linked = {path.relative_to(ROOT).as_posix() for path in targets if path.is_file()}
        waiting |= linked.intersection(DOCUMENTS) - reached

    assert sorted(set(DOCUMENTS) - reached) == []
