"""Turns kreuzberg's nodes into drafts that know the headings above them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ingest.parse.document import Draft, Outline
from ingest.parse.extraction import Node
from ingest.parse.tables import table_drafts

STRUCTURE_INCOMPLETE: Final = "structure_incomplete"

_MIN_COVERAGE: Final = 0.95
"""Structure that misses more than one word in twenty has lost a part, not some decoration."""
_PAGE_NUMBER: Final = re.compile(r"\d{1,4}(?:-\d{1,4})?\Z")
_MIN_CONTENTS_LINES: Final = 3
"""Fewer lines that repeat a heading and end with a number can be chance."""
_MAX_CONTENTS_GAP: Final = 6
_MAX_CONTENTS_LINE_CHARS: Final = 300
"""Longer than any heading."""
_CELL_MARKER: Final = re.compile(r"(?<!\w)(\*{1,3}|~~)(?=\S)([^*~]+?)(?<=\S)\1(?!\w)|</?u>")
_WORD: Final = re.compile(r"\w+")


def node_drafts(nodes: Sequence[Node], outline: Outline) -> Iterator[Draft]:
    """The text of `nodes` in reading order, without the table of contents."""
    contents = _table_of_contents(nodes)
    for index, node in enumerate(nodes):
        # A group repeats the heading that follows it.
        if node.kind == "group" or index in contents:
            continue
        if node.kind == "heading":
            yield outline.heading(node.text, level=node.level)
        elif node.rows:
            rows = [[_CELL_MARKER.sub(r"\2", cell) for cell in row] for row in node.rows]
            for draft in table_drafts(rows, is_labelled=True):
                yield replace(draft, section=outline.section, page=node.page)
        elif node.kind == "code" and node.text:
            yield Draft(kind="code", text=node.text, section=outline.section, page=node.page)
        elif node.text:
            yield Draft(
                kind="list_item" if node.kind == "list_item" else "paragraph",
                text="\n".join(line.strip() for line in node.text.splitlines()),
                section=outline.section if node.is_body else (),
                page=node.page,
            )


def words(nodes: Sequence[Node]) -> list[str]:
    """The words in the text and the cells of `nodes`."""
    pieces = [
        text for node in nodes for text in (node.text, *(c for row in node.rows for c in row))
    ]
    return [word for piece in pieces for word in _WORD.findall(piece)]


def is_covered(content: str, nodes: Sequence[Node]) -> bool:
    """True when nearly every different word of `content` is in `nodes`."""
    expected = set(_WORD.findall(content))
    return len(expected.difference(words(nodes))) <= len(expected) * (1 - _MIN_COVERAGE)


def paragraphs(content: str) -> Iterator[Draft]:
    """The text between blank lines, as paragraphs."""
    for text in re.split(r"\n\s*\n", content.replace("\r\n", "\n")):
        yield Draft(kind="paragraph", text=text.strip("\n"))


def _table_of_contents(nodes: Sequence[Node]) -> frozenset[int]:
    """The places of the lines that only repeat headings with their pages.

    Nothing is answered by them. Between two of them a few lines may stand that were wrapped, or
    that the author forgot to bring up to date.
    """
    headings = {_letters(node.text) for node in nodes if node.kind == "heading"} - {""}
    runs: list[list[int]] = []
    for index, node in enumerate(nodes):
        if not _is_contents_line(node, headings):
            continue
        between = nodes[runs[-1][-1] : index] if runs else []
        are_few = 0 < len(between) <= _MAX_CONTENTS_GAP
        if are_few and all(other.kind == "paragraph" for other in between):
            runs[-1].append(index)
        else:
            runs.append([index])
    tables = (run for run in runs if len(run) >= _MIN_CONTENTS_LINES)
    return frozenset(index for run in tables for index in range(run[0], run[-1] + 1))


def _is_contents_line(node: Node, headings: set[str]) -> bool:
    if node.kind != "paragraph" or len(node.text) > _MAX_CONTENTS_LINE_CHARS:
        return False
    line = node.text.strip()
    number = _PAGE_NUMBER.search(line)
    return number is not None and _letters(line[: number.start()]) in headings


def _letters(text: str) -> str:
    return "".join(_WORD.findall(text)).casefold()
