"""Reads Markdown, and HTML by way of Markdown.

Markdown goes through markdown-it-py: kreuzberg 4.10 loses the text of every list item that has a
list below it, and all HTML blocks (320 and 192 of 880 pages of a real handbook have them). HTML is
turned into Markdown by kreuzberg, which drops navigation, scripts and hidden fields; its own
structure of the same page loses definitions and quotations.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from typing_extensions import override

from ingest.parse.document import BlockKind, Draft, Outline, Reading
from ingest.parse.extraction import PARSER, PARSER_VERSION, extract
from ingest.parse.html_rewriting import rewritten
from ingest.parse.html_text import header_rows, nesting, visible_text
from ingest.parse.outline import STRUCTURE_INCOMPLETE, paragraphs
from ingest.parse.plain_text import text_drafts
from ingest.parse.tables import table_drafts
from kb.media_types import HTML

MARKDOWN_PARSER: Final = "markdown-it-py"
MARKDOWN_PARSER_VERSION: Final = version(MARKDOWN_PARSER)
_FRONT_MATTER: Final = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE: Final = re.compile("^title:(.*)$", re.MULTILINE)
_QUOTED: Final = re.compile(r"(['\"])(.+)\1")
_ANCHOR: Final = re.compile(r"(?<!\s)\s*+\{#[^{}]*+\}$")
_LINE_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li|/td|/th|/tr)\b", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title\b[^<>]{0,200}>([^<]{0,500})</title", re.IGNORECASE)
_METADATA: Final = re.compile(
    r"<title\b[^<]{0,700}</title\s{0,9}>|<(?:meta|link|base)\b[^<>]{0,5000}>", re.IGNORECASE
)
"""kreuzberg puts these before the text as if the page showed them."""
_CHARSET: Final = re.compile(rb"<meta\b[^<>]{0,200}charset=[\"']?([\w-]+)", re.IGNORECASE)
_CHARSET_WINDOW: Final = 1024
"""Bytes in which the declaration must stand. Source: HTML Living Standard, section 4.2.5.4."""
_HEAD_CHARS: Final = 100_000
"""Far more than a head takes; mark-up in what follows is not looked for."""
_MAX_NESTING: Final = 50
"""kreuzberg 4.10 leaves out, without a word, what is nested more than 60 deep."""
_MAX_MARKDOWN_NESTING: Final = 60
"""markdown-it leaves out, without a word, what is nested deeper; at its own 20 the tenth list in a
list was lost. Two for a list in a list; a deeper page is read without its structure."""
_MAX_LOSS: Final = 0.05
_WORD: Final = re.compile(r"\w+")
_HEADER_CELL: Final = re.compile(r"<th\b", re.IGNORECASE)
_WIDE_CELL: Final = re.compile(
    r"(<t[dh]\b[^<>]{0,500}?\b(?:col|row)span\s{0,9}=\s{0,9}[\"']?)\d{3,}", re.IGNORECASE
)
"""kreuzberg makes a cell of each column that a cell spans: 20 KB of `colspan=1000` took 18 s and
1.4 GB. Nobody counts them: it means the whole width."""


class _Markdown(MarkdownIt):
    @override
    def validateLink(self, url: str) -> bool:
        """Every address will do: links are read, never followed. Refused ones stay as source."""
        return True

    @override
    def normalizeLink(self, url: str) -> str:
        """Addresses are dropped, so tidying them up would be in vain."""
        return url


_MARKDOWN = _Markdown("commonmark", {"maxNesting": _MAX_MARKDOWN_NESTING}).enable(
    ["table", "strikethrough"]
)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The position of the walk through a page."""

    outline: Outline
    labelled_tables: Iterator[bool]
    """For each table to come: True when its first row names the columns, as after the last one."""
    depth: int = 0
    """In lists."""
    marker: str = ""
    """Of the item that begins here."""


def read_markdown(text: str) -> Reading:
    """The blocks of a Markdown text; its front matter is the first paragraph."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    drafts = [Draft(kind="paragraph", text=front[1])] if front else []
    tokens = _MARKDOWN.parse(body)
    is_cut = max((token.level for token in tokens), default=0) >= _MAX_MARKDOWN_NESTING - 2
    if is_cut:
        drafts += paragraphs(body)
    else:
        drafts += _blocks(
            SyntaxTreeNode(tokens), _Place(outline=Outline(), labelled_tables=iter(()))
        )
    return Reading(
        drafts=tuple(drafts),
        title=_front_title(front[1]) if front else None,
        parser=MARKDOWN_PARSER,
        parser_version=MARKDOWN_PARSER_VERSION,
        warnings=(STRUCTURE_INCOMPLETE,) if is_cut else (),
    )


def _front_title(front_matter: str) -> str | None:
    line = _FRONT_TITLE.search(front_matter)
    title = line[1].strip(" \t") if line else ""
    quoted = _QUOTED.fullmatch(title)
    return (quoted[2] if quoted else title) or None


def read_html(text: str) -> Reading:
    """The blocks of an HTML page, without its navigation and scripts."""
    title = _TITLE.search(text[:_HEAD_CHARS])
    # Twice, for cells that span columns and rows.
    text = _WIDE_CELL.sub(r"\g<1>99", _WIDE_CELL.sub(r"\g<1>99", text))
    body = _METADATA.sub("", text[:_HEAD_CHARS]) + text[_HEAD_CHARS:]
    drafts = tuple(_html_drafts(body, Outline()))
    warnings: tuple[str, ...] = ()
    if nesting(body) > _MAX_NESTING:
        bare = visible_text(body)
        expected = set(_WORD.findall(bare))
        found = {word for draft in drafts for word in _WORD.findall(draft.text)}
        if len(expected - found) > len(expected) * _MAX_LOSS:
            drafts = tuple(paragraphs(bare))
            warnings = (STRUCTURE_INCOMPLETE,)
    return Reading(
        drafts=drafts,
        title=html.unescape(title[1]) if title else None,
        parser=PARSER,
        parser_version=PARSER_VERSION,
        warnings=warnings,
    )


def declared_encoding(content: bytes) -> str | None:
    """The encoding that an HTML page says it is in."""
    match = _CHARSET.search(content[:_CHARSET_WINDOW])
    return match[1].decode("ascii") if match else None


def _html_drafts(text: str, outline: Outline) -> Iterator[Draft]:
    """The blocks of a page, or of a piece of HTML in a Markdown text."""
    page = rewritten(text)
    extraction = extract(page.encode("utf-8", errors="replace"), HTML, output="markdown")
    tree = SyntaxTreeNode(_MARKDOWN.parse(extraction.content))
    # kreuzberg makes the first row of every table a header row, whether it was one or not.
    labelled = header_rows(text)
    count = sum(node.type == "table" for node in tree.walk())
    if len(labelled) != count:
        labelled = [bool(_HEADER_CELL.search(text))] * count
    yield from _blocks(tree, _Place(outline=outline, labelled_tables=iter(labelled)))


def _blocks(node: SyntaxTreeNode, place: _Place) -> Iterator[Draft]:
    """The blocks in a node, in order."""
    section = place.outline.section
    match node.type:
        case "heading":
            name = _ANCHOR.sub("", _inline_text(node))
            yield place.outline.heading(name, level=int(node.tag[1]))
        case "paragraph":
            kind: BlockKind = "list_item" if place.depth else "paragraph"
            text = f"{place.marker}{_inline_text(node)}"
            for draft in _drawn_table(node) or [Draft(kind=kind, text=text)]:
                yield replace(draft, section=section)
        case "fence" | "code_block":
            yield Draft(kind="code", text=node.content, section=section)
        case "html_block":
            yield from _html_drafts(node.content, place.outline)
        case "table":
            rows = [
                [_inline_text(cell) for cell in row.children]
                for part in node.children
                for row in part.children
            ]
            drafts = table_drafts(rows, is_labelled=next(place.labelled_tables, True))
            yield from (replace(draft, section=section) for draft in drafts)
        case "list_item":
            # Its number or a dash, indented as far as its list is nested.
            marker = f"{'  ' * place.depth}{node.info}{node.markup if node.info else '-'} "
            for index, child in enumerate(node.children):
                begun = "" if index else marker
                yield from _blocks(child, replace(place, depth=place.depth + 1, marker=begun))
        case _:
            for child in node.children:
                yield from _blocks(child, place)


def _drawn_table(paragraph: SyntaxTreeNode) -> list[Draft]:
    """The rows of a table without the line of dashes that Markdown wants; none for other text."""
    lines = _inline_text(paragraph, line_end="\n")
    if "|" not in lines or "\n" not in lines:
        return []
    drafts = list(text_drafts(lines))
    if not any(draft.table_row for draft in drafts):
        return []
    return [
        draft if draft.table_row else replace(draft, text=draft.text.replace("\n", " "))
        for draft in drafts
    ]


def _inline_text(node: SyntaxTreeNode, *, line_end: str = " ") -> str:
    """The text in a node without its mark-up; `line_end` stands for the end of a source line."""
    pieces: list[str] = []
    for child in node.children:
        match child.type:
            case "text" | "code_inline" | "text_special":
                pieces.append(child.content)
            case "softbreak":
                pieces.append(line_end)
            case "hardbreak":
                pieces.append("\n")
            case "html_inline":
                pieces.append("\n" if _LINE_BREAK.match(child.content) else "")
            case "image":
                is_drawn_in_place = str(child.attrs.get("src", "")).startswith("data:")
                pieces.append("" if is_drawn_in_place else child.content)
            case _:
                pieces.append(_inline_text(child, line_end=line_end))
    return "".join(pieces)
