"""Reads PDF files page by page.

kreuzberg finds headings, paragraphs, lists and tables on a page by their looks. Where that loses or
doubles words, the page is taken as it stands in the text layer.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from ingest.parse.attachments import attachment_drafts, attachment_warnings
from ingest.parse.document import Draft, Outline, Reading
from ingest.parse.extraction import PARSER, PARSER_VERSION, Extraction, Node, extract
from ingest.parse.outline import STRUCTURE_INCOMPLETE, node_drafts, paragraphs, words
from kb.errors import DocumentEmpty
from kb.media_types import PDF

PAGES_WITHOUT_TEXT: Final = "pages_without_text"
LOOKS_SCANNED: Final = "looks_scanned"
_MAX_WORD_ERROR: Final = 0.1
"""Share of a page's words that may be missing or doubled; running heads are dropped on purpose."""
_FEW_LETTERS: Final = 25
"""A page with fewer is a picture with a date or a page number on it."""
_FULL_LINE_SHARE: Final = 0.75
"""A word that does not fit makes a line shorter; hardly any word is a quarter of a line."""
_NUMBER: Final = re.compile(r"\d+")
_LIST_MARK: Final = re.compile(r"\s*(?:[-\u2022\u25aa*]|\(?\w{1,3}[.)])\s")
_WORD: Final = re.compile(r"\w+")
_PROSE: Final = frozenset({"paragraph", "list_item"})
_SENTENCE_ENDS: Final = ".!?:;"
_LINE_ENDS: Final = _SENTENCE_ENDS + "-"
"""A word divided by a hyphen stays divided: whether the hyphen is its own cannot be told."""
_ADDRESS: Final = re.compile(r"\w+:\S*$")
"""A link is a comment too, whose text is where it leads."""


def read_pdf(content: bytes) -> Reading:
    """The blocks of a PDF file with their pages; comments follow the page they are on.

    Raises:
        DocumentEmpty: no page has a text layer.
        DocumentCorrupt, DocumentEncrypted: as they say.
    """
    extraction = extract(content, PDF, output="markdown")
    bare_pages = {number: text for number, text in extraction.pages.items() if text.strip()}
    if not bare_pages:
        raise DocumentEmpty("The PDF has no text layer: recognise the text of the scan first.")
    warnings: list[str] = []
    drafts = list(_pages(extraction, bare_pages, warnings))
    silent = sorted(set(extraction.pages) - set(bare_pages))
    if silent:
        warnings.append(f"{PAGES_WITHOUT_TEXT}: {', '.join(map(str, silent))}")
    elif (
        sum(sum(map(str.isalnum, text)) for text in bare_pages.values())
        < len(bare_pages) * _FEW_LETTERS
    ):
        warnings.append(LOOKS_SCANNED)
    warnings += attachment_warnings(extraction)
    drafts += attachment_drafts(extraction)
    return Reading(
        drafts=tuple(drafts),
        title=extraction.title,
        parser=PARSER,
        parser_version=PARSER_VERSION,
        warnings=tuple(warnings),
    )


def _pages(
    extraction: Extraction, bare_pages: dict[int, str], warnings: list[str]
) -> Iterator[Draft]:
    """The blocks of each page, then its comments; pages without structure add to `warnings`."""
    nodes_by_page: defaultdict[int, list[Node]] = defaultdict(list)
    for node in extraction.nodes:
        if node.page is not None:
            nodes_by_page[node.page].append(node)
    running_heads = _running_heads(extraction.nodes)
    outline = Outline()
    for number, bare_text in sorted(bare_pages.items()):
        nodes = [
            replace(node, kind="paragraph")
            if node.kind == "heading" and _NUMBER.sub("", node.text) in running_heads
            else node
            for node in nodes_by_page[number]
        ]
        drafts = list(_whole_sentences(node_drafts(nodes, outline)))
        # Every table that was seen to come out of a PDF file was prose in columns, or in disorder.
        if any(node.rows for node in nodes) or not _has_the_words(bare_text, nodes):
            drafts = [replace(draft, section=outline.section) for draft in paragraphs(bare_text)]
            warnings.append(f"{STRUCTURE_INCOMPLETE}: page {number}")
        width = max(map(len, bare_text.splitlines()))
        drafts = [_unwrapped(draft, width) for draft in drafts]
        drafts += (
            Draft(kind="paragraph", text=f"Comment: {comment}", section=outline.section)
            for page, comment in extraction.comments
            if page == number and not _ADDRESS.match(comment)
        )
        yield from (replace(draft, page=number) for draft in drafts)


def _running_heads(nodes: Iterable[Node]) -> frozenset[str]:
    """Headings that stand on several pages but for their page number: they head no section."""
    pages: defaultdict[str, set[int | None]] = defaultdict(set)
    for node in nodes:
        if node.kind == "heading":
            pages[_NUMBER.sub("", node.text)].add(node.page)
    return frozenset(text for text, where in pages.items() if len(where) > 1)


def _unwrapped(draft: Draft, width: int) -> Draft:
    """Lines that end where the page ends go on in the next one; short ones end on purpose."""
    if draft.kind not in _PROSE:
        return draft
    lines = draft.text.splitlines()
    text = lines[0] if lines else ""
    for line, following in pairwise(lines):
        is_full = len(line) >= _FULL_LINE_SHARE * width
        is_open = line[-1:] not in _LINE_ENDS and not _LIST_MARK.match(following)
        text += (" " if is_full and is_open else "\n") + following
    return replace(draft, text=text)


def _has_the_words(bare_text: str, nodes: Sequence[Node]) -> bool:
    """True when hardly a word of the page is missing from its structure, or doubled there."""
    expected = Counter(_WORD.findall(bare_text))
    found = Counter(words(nodes))
    errors = (expected - found).total() + (found - expected).total()
    return errors <= expected.total() * _MAX_WORD_ERROR


def _whole_sentences(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """The drafts, those that kreuzberg broke off inside a sentence joined again."""
    begun: Draft | None = None
    for draft in drafts:
        if begun is None:
            begun = draft
        elif (
            {begun.kind, draft.kind} <= _PROSE
            and draft.text[:1].islower()
            and begun.text[-1:] not in _SENTENCE_ENDS
        ):
            begun = replace(begun, text=f"{begun.text}\n{draft.text}")
        else:
            yield begun
            begun = draft
    if begun is not None:
        yield begun
