"""Splits a parsed document into chunks that the embedding model reads to their end.

count the tokens of every block -> cut what is too long -> pack neighbours -> name their section
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Final, NamedTuple, Protocol

from langchain_text_splitters import RecursiveCharacterTextSplitter

from ingest.parse import Block, ParsedDocument
from kb.media_types import CSV, TSV, XLSX
from kb.passages import Location, TableRows

CHUNKER_VERSION: Final = "1"
"""Raise it when the same blocks give other chunks: the re-index splits older versions again."""

PROSE_TOKENS: Final = 128
"""Of what answers a question, the best chunks of 2,400 tokens together hold .974; with 200 instead
of 128 it is .955, the difference .001 to .040 with 95 % confidence. Run: 276 questions of
chunking_eval on three texts without headings, MiniLM alone; embedding takes a seventh longer."""
ROW_TOKENS: Final = 80
"""Rows answer one by one: a vector over many of them is near to none."""
CONTEXT_TOKENS: Final = 48
"""A title and two headings in full, for all but one in a hundred sections of a real handbook."""

_TARGET_BY_TYPE: Final = {CSV: ROW_TOKENS, TSV: ROW_TOKENS, XLSX: ROW_TOKENS}
_MAX_CONTEXT_SHARE: Final = 0.25
_MAX_LETTERS_PER_TOKEN: Final = 8
"""Prose has four or five."""
_SURE_SHARE: Final = 0.75
"""Parts far below the window fit together, whatever the tokenizer does where they meet."""
_GOOD_CUT_SHARE: Final = 0.6
"""A chunk so full ends before a heading rather than after the first lines of its section."""
_SECTIONS_KEPT_APART: Final = 2
"""Topics change with the first two levels of headings; below, neighbours belong together."""
_SECTIONS_NAMED: Final = 2
_SEPARATORS: Final = [
    r"\n\n",
    r"\n",
    r"(?<=[.!?])[\"'\u201d\u2019)\]]?\s+|(?<=[\u3002\uff01\uff1f])",
    r" \| ",
    r"(?<=[;:,])\s+|(?<=[\uff1b\uff0c\u3001])",
    r"\s+",
    "",
]
"""Paragraph, line, sentence, cell, clause, word; and between any two letters if all else fails."""


class TokenCounter(Protocol):
    """The part of an embedding model that chunking needs."""

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads; what is beyond is not embedded."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the model's special ones included."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of a document; `text` equals `parsed.text[char_start:char_end]`.

    `context` (title and section on one line) is embedded before the text and is no part of it.
    """

    ordinal: int
    text: str
    char_start: int
    char_end: int
    location: Location
    context: str

    @property
    def embedded_text(self) -> str:
        """The context and the text, on lines of their own."""
        return f"{self.context}\n{self.text}" if self.context else self.text


class _Context(NamedTuple):
    text: str
    tokens: int


class _Span(NamedTuple):
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """A block or a piece of one; `room` is how many tokens it may have beside its headings."""

    block: Block
    span: _Span
    tokens: int
    room: int


@dataclass(frozen=True, kw_only=True)
class _Size:
    """Tokens that a chunk should have and may have, and those kept for what comes with it."""

    target: int
    limit: int
    context: int
    special: int


@dataclass(frozen=True, kw_only=True)
class _Ruler:
    """Counts tokens of pieces of one text, without the model's special ones.

    A piece counts for as many as its length, too: to a word-piece tokenizer a word of a thousand
    letters is one unknown token, and would not be cut.
    """

    text: str
    embedder: TokenCounter
    special: int

    def measure(self, spans: Sequence[_Span]) -> list[int]:
        """Tokens of each piece, in one call."""
        counts = self.embedder.count_tokens([self.text[start:end] for start, end in spans])
        return [
            max(count - self.special, (end - start) // _MAX_LETTERS_PER_TOKEN)
            for count, (start, end) in zip(counts, spans, strict=True)
        ]


def split(
    parsed: ParsedDocument, *, title: str | None, media_type: str, embedder: TokenCounter
) -> tuple[Chunk, ...]:
    """The chunks of `parsed` in order.

    They do not overlap and leave out nothing but white space; each has one page, slide or sheet
    and keeps its headings; with its context it fits into the embedder's window. Cuts fall between
    blocks, else between sentences, else between words.

    Args:
        parsed: the document.
        title: its name, which leads every context.
        media_type: rows of tables are packed less densely than prose.
        embedder: counts tokens; called four times for a usual document.
    """
    special = embedder.count_tokens([""])[0]
    context = min(CONTEXT_TOKENS, int(embedder.max_tokens * _MAX_CONTEXT_SHARE))
    limit = max(embedder.max_tokens - context - special, 1)
    while True:
        target = min(_TARGET_BY_TYPE.get(media_type, PROSE_TOKENS), limit)
        size = _Size(target=target, limit=limit, context=context, special=special)
        estimates = _split(parsed, title, size, embedder)
        # Chunks far below the window are not counted again.
        sure = embedder.max_tokens * _SURE_SHARE
        doubtful = [chunk.embedded_text for chunk, estimate in estimates if estimate > sure]
        if limit == 1 or max(embedder.count_tokens(doubtful), default=0) <= embedder.max_tokens:
            return tuple(chunk for chunk, _ in estimates)
        # In scripts without spaces two pieces can have more tokens together than apart.
        limit = max(limit * 3 // 4, 1)


def _split(
    parsed: ParsedDocument, title: str | None, size: _Size, embedder: TokenCounter
) -> list[tuple[Chunk, int]]:
    """The chunks, each with the sum of the tokens of its parts."""
    ruler = _Ruler(text=parsed.text, embedder=embedder, special=size.special)
    packs = [
        pack
        for _, group in groupby(_with_headings(_units(parsed, size, ruler), size), key=_place)
        for pack in _packed(list(group), size)
    ]
    contexts: list[str] = []
    for pack in packs:
        names = (title or "", *_section(pack)[-_SECTIONS_NAMED:])
        on_one_line = (" ".join(name.split()) for name in names)
        contexts.append(" > ".join(dict.fromkeys(filter(None, on_one_line))))
    short = _shortened(sorted(set(contexts)), size, embedder)
    return [
        (
            _chunk(parsed, ordinal, pack, short[context].text),
            sum(unit.tokens for unit in pack) + short[context].tokens + size.special,
        )
        for ordinal, (pack, context) in enumerate(zip(packs, contexts, strict=True))
    ]


def _units(parsed: ParsedDocument, size: _Size, ruler: _Ruler) -> list[_Unit]:
    """The blocks, those too long for a chunk in pieces."""
    spans = [_Span(block.char_start, block.char_end) for block in parsed.blocks]
    units: list[_Unit] = []
    headings = 0
    for block, span, tokens in zip(parsed.blocks, spans, ruler.measure(spans), strict=True):
        room = size.limit - headings if headings <= size.limit // 2 else size.limit
        headings = headings + tokens if block.kind == "heading" else 0
        units.append(_Unit(block=block, span=span, tokens=tokens, room=room))
    while any(map(_is_too_long, units)):
        units = _cut(units, ruler)
    return units


def _is_too_long(unit: _Unit) -> bool:
    return unit.tokens > unit.room and unit.span.end - unit.span.start > 1


def _cut(units: list[_Unit], ruler: _Ruler) -> list[_Unit]:
    """The units again, with every one that is too long in several pieces."""
    spans = [_pieces(unit, ruler.text) if _is_too_long(unit) else [] for unit in units]
    counts = iter(ruler.measure([span for pieces in spans for span in pieces]))
    return [
        piece
        for unit, pieces in zip(units, spans, strict=True)
        for piece in [replace(unit, span=span, tokens=next(counts)) for span in pieces] or [unit]
    ]


def _pieces(unit: _Unit, text: str) -> list[_Span]:
    """Pieces of about half the room, so that they can be packed evenly."""
    start, end = unit.span
    char_count = (end - start) * unit.room // (2 * unit.tokens)
    splitter = RecursiveCharacterTextSplitter(
        separators=_SEPARATORS,
        is_separator_regex=True,
        keep_separator="end",
        chunk_size=max(char_count, 1),
        chunk_overlap=0,
        add_start_index=True,
    )
    documents = splitter.create_documents([text[start:end]])
    starts = [start + int(document.metadata["start_index"]) for document in documents]
    return [
        _Span(first, first + len(document.page_content))
        for first, document in zip(starts, documents, strict=True)
    ]


def _with_headings(units: Sequence[_Unit], size: _Size) -> Iterator[list[_Unit]]:
    """Each unit with the headings right above it; headings above nothing come alone."""
    headings: list[_Unit] = []
    for unit in units:
        headings.append(unit)
        if unit.block.kind == "heading":
            continue
        if sum(heading.tokens for heading in headings) <= size.limit:
            yield headings
        else:
            yield from ([heading] for heading in headings)
        headings = []
    yield from ([heading] for heading in headings)


def _place(units: Sequence[_Unit]) -> tuple[tuple[str, ...], int | None, int | None, str | None]:
    """The section, page, slide and sheet, which the blocks of a chunk have in common."""
    block = units[-1].block
    return (block.section[:_SECTIONS_KEPT_APART], block.page, block.slide, block.sheet)


def _packed(runs: list[list[_Unit]], size: _Size) -> Iterator[list[_Unit]]:
    """Neighbours of one place together, in as few chunks as possible and about evenly."""
    tokens = [sum(unit.tokens for unit in run) for run in runs]
    total = sum(tokens)
    count = max(math.ceil(total / size.limit), round(total / size.target), 1)
    ideal = total / count
    pack: list[_Unit] = []
    filled = 0
    for run, run_tokens in zip(runs, tokens, strict=True):
        is_full = filled + run_tokens > size.limit or filled + run_tokens / 2 > ideal
        is_good_cut = run[0].block.kind == "heading" and filled > ideal * _GOOD_CUT_SHARE
        if pack and (is_full or (count > 1 and is_good_cut)):
            yield pack
            pack, filled = [], 0
        pack = pack + run
        filled += run_tokens
    yield pack


def _section(pack: Sequence[_Unit]) -> tuple[str, ...]:
    """The headings above all of the pack."""
    sections = [unit.block.section for unit in pack if unit.block.kind != "heading"]
    shared = takewhile(
        lambda names: len(set(names)) == 1,
        zip(*(sections or [pack[0].block.section]), strict=False),
    )
    return tuple(names[0] for names in shared)


def _shortened(contexts: list[str], size: _Size, embedder: TokenCounter) -> dict[str, _Context]:
    """Each context, without its end where it has too many tokens."""
    short: dict[str, _Context] = {}
    texts = dict(zip(contexts, contexts, strict=True))
    while texts:
        counts = embedder.count_tokens(list(texts.values()))
        longer: dict[str, str] = {}
        for (context, text), count in zip(texts.items(), counts, strict=True):
            tokens = count - size.special
            if tokens <= size.context:
                short[context] = _Context(text, tokens)
            else:
                start = text[: len(text) * size.context // tokens]
                longer[context] = start.rpartition(" ")[0] or start
        texts = longer
    return short


def _chunk(parsed: ParsedDocument, ordinal: int, pack: Sequence[_Unit], context: str) -> Chunk:
    """The chunk of a pack; its place is that of its first block below the headings."""
    start, end = pack[0].span.start, pack[-1].span.end
    content = next((unit.block for unit in pack if unit.block.kind != "heading"), pack[0].block)
    location: Location = {
        "section": list(_section(pack)),
        "page": content.page,
        "slide": content.slide,
        "sheet": content.sheet,
        "row": content.row,
        "char_start": start,
        "char_end": end,
    }
    tables = _tables(pack, start)
    return Chunk(
        ordinal=ordinal,
        text=parsed.text[start:end],
        char_start=start,
        char_end=end,
        context=context,
        location={**location, "tables": tables} if tables else location,
    )


def _tables(pack: Sequence[_Unit], chunk_start: int) -> list[TableRows]:
    """The rows in the chunk, by table; of a row that was cut, the piece that has its name."""
    tables: dict[int, TableRows] = {}
    for unit in pack:
        row = unit.block.table_row
        if row is None:
            continue
        shift = unit.block.char_start - chunk_start
        places = [unit.span.start - chunk_start, unit.span.end - chunk_start]
        columns: set[int] = set()
        for column, first, last in zip(*(iter(row.cells),) * 3, strict=True):
            if places[0] <= first + shift and last + shift <= places[1]:
                columns.add(column)
                places += (column, first + shift, last + shift)
        if columns.isdisjoint(row.table.key):
            continue
        rows = TableRows(
            table=row.table.ordinal,
            row_count=row.table.row_count,
            columns=list(row.table.columns),
            key=list(row.table.key),
            rows=[],
        )
        tables.setdefault(row.table.ordinal, rows)["rows"].append([row.number, *places])
    return list(tables.values())
