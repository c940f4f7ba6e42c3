"""The rest of a table or list of which the context holds a part, read from the store.

Of the document version in the context, under the caller's row security.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never
from uuid import UUID

from app.answering.context import Context, Source, joined_location, random_source_id, with_passages
from app.answering.evidence.candidates import surroundings
from app.answering.evidence.pieces import pieces_of
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.evidence.row_names import read_table_question
from app.answering.evidence.row_tables import tables_of
from app.answering.evidence.tabular import answer_from_rows
from app.answering.question.parts import QuestionReading
from app.identity import Caller
from kb.passages import Passage
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import read_neighbours, read_table_passages
from kb.store.versions import read_slice
from language.text import Span

MAX_ROWS: Final = 400
"""Rows of a table that are read for one answer; a larger table gives no computed answer."""

MAX_TABLES: Final = 2
MAX_TABLE_CHUNKS: Final = 200
NEIGHBOURS: Final = 4
"""Chunks read on each side of a list that the end of a chunk cuts off."""


@dataclass(frozen=True, kw_only=True)
class TableGap:
    """A table of a document version of which rows are missing, or may be."""

    document_id: UUID
    version: int
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ListGap:
    """A list that may continue before or after the text of its source."""

    source_id: str


Gap = TableGap | ListGap


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The context with the missing passages, and the evidence as it is in this context."""

    context: Context
    evidence: list[SentenceEvidence]


async def complete_for(
    caller: Caller,
    database: Database,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    gaps: Sequence[Gap],
) -> Completed:
    """The context with the rest of the tables or lists that lack something.

    A model is not shown what is added.
    """
    async with database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
        return await complete(scope, context, evidence, gaps, new_source_id=random_source_id)


def gaps_of(
    question: QuestionReading, context: Context, evidence: Sequence[SentenceEvidence]
) -> list[Gap]:
    """The gaps in the table or list of the best piece, or that a question about all rows asks for.

    Mostly none.
    """
    best = max(evidence, key=lambda each: each.score, default=None)
    if best is None:
        return []
    tables = tables_of(context)
    gaps: list[Gap] = []
    is_about_all = bool(tables) and (
        answer_from_rows(read_table_question(question.in_context), tables) is not None
    )
    for table in tables:
        is_best = any(each.source_id == best.source_id for each in table.rows)
        if not (is_about_all or (is_best and best.piece.row and not table.is_whole)):
            continue
        source = context.source(table.rows[0].source_id)
        row_count_by_table = {each.row.table: each.row.row_count for each in table.rows}
        if source is not None and sum(row_count_by_table.values()) <= MAX_ROWS:
            passage = source.passage
            gaps.append(
                TableGap(
                    document_id=passage.document_id,
                    version=passage.document_version,
                    columns=table.columns,
                )
            )
    gaps = gaps[:MAX_TABLES]
    source = context.source(best.source_id)
    span = best.piece.span if best.piece.items else best.piece.whole
    if source is not None and span is not None:
        text = source.passage.text
        is_at_edge = not text[: span.start].strip() or not text[span.end :].strip()
        gaps += [ListGap(source_id=source.id)] if is_at_edge else []
    return gaps


async def complete(
    scope: TenantSession,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    gaps: Sequence[Gap],
    *,
    new_source_id: Callable[[], str],
) -> Completed:
    """The context with the gaps filled as far as the caller may see the passages."""
    found = list(evidence)
    for gap in gaps:
        match gap:
            case TableGap():
                passages = await read_table_passages(
                    scope, gap.document_id, gap.version, gap.columns, limit=MAX_TABLE_CHUNKS
                )
                context = with_passages(context, passages, new_source_id=new_source_id)
            case ListGap():
                source = context.source(gap.source_id)
                grown = None if source is None else await _with_neighbours(scope, source)
                if source is not None and grown is not None:
                    sources = [grown if each.id == grown.id else each for each in context.sources]
                    context = replace(context, sources=tuple(sources))
                    relocated = (relocate(each, source, grown) for each in found)
                    found = [each for each in relocated if each is not None]
            case _:
                assert_never(gap)
    return Completed(context=context, evidence=found)


async def _with_neighbours(scope: TenantSession, source: Source) -> Source | None:
    """The source with the chunks that adjoin it; None when there are none."""
    shown = source.passage
    part_by_chunk = {part.chunk_id: part for part in source.parts}
    for chunk_id in {source.parts[0].chunk_id, source.parts[-1].chunk_id}:
        for passage in await read_neighbours(scope, chunk_id, reach=NEIGHBOURS):
            if passage.document_version == shown.document_version:
                part_by_chunk.setdefault(passage.chunk_id, passage)
    if len(part_by_chunk) == len(source.parts):
        return None
    parts = sorted(part_by_chunk.values(), key=lambda part: part.location["char_start"])
    offset, end = parts[0].location["char_start"], parts[-1].location["char_end"]
    text = await read_slice(scope, shown.document_id, shown.document_version, offset, end)
    run = _adjoining(source.parts[0], parts, text)
    if len(run) == len(source.parts):
        return None
    location = joined_location(run)
    text = text[location["char_start"] - offset : location["char_end"] - offset]
    passage = replace(shown, text=text, location=location)
    return Source(id=source.id, passage=passage, parts=tuple(run))


def _adjoining(first: Passage, parts: Sequence[Passage], text: str) -> list[Passage]:
    """The parts without a gap between them and the `first` of the source.

    `text` is that of the document from the first to the last of the parts. Chunks leave out nothing
    but white space: other text between two belongs to a chunk of another section, or to one that
    the caller may not see.
    """
    offset = parts[0].location["char_start"]
    runs: list[list[Passage]] = [[]]
    for part in parts:
        if runs[-1]:
            end = runs[-1][-1].location["char_end"]
            if text[end - offset : part.location["char_start"] - offset].strip():
                runs.append([])
        runs[-1].append(part)
    return next(run for run in runs if any(part.chunk_id == first.chunk_id for part in run))


def relocate(evidence: SentenceEvidence, source: Source, grown: Source) -> SentenceEvidence | None:
    """The evidence as it is in the grown source.

    None for an item that is no piece there: with text below it, it is a heading.
    """
    piece = evidence.piece
    if evidence.source_id != source.id:
        return evidence
    shift = source.passage.location["char_start"] - grown.passage.location["char_start"]
    span = Span(piece.span.start + shift, piece.span.end + shift)
    for each in pieces_of(grown.passage):
        is_within = each.span.start <= span.start and span.end <= each.span.end
        if is_within and bool(each.items) == bool(piece.items):
            named_by, background = surroundings(grown.passage, each)
            return replace(evidence, piece=each, named_by=named_by, background=background)
    return evidence if piece.items else None
