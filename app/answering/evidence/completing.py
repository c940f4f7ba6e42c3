"""What an answer lacks of a table or a list of which the context holds a part, from the store.

Of the document version that is in the context, under the caller's row security.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from app.answering.context import Context, Source, joined_location, random_source_id, with_passages
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.evidence.row_tables import tables_of
from app.answering.evidence.tabular import answer_from_rows
from app.identity import Caller
from kb.passages import Passage
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import read_neighbours, read_table_passages
from kb.store.versions import read_slice
from language.text import Span

MAX_ROWS: Final = 400
"""Rows of a table that are read for one answer; a larger one gives no computed answer."""

MAX_TABLES: Final = 2
MAX_TABLE_CHUNKS: Final = 200
NEIGHBOURS: Final = 4
"""Chunks on each side of a list that a chunk's end cuts off."""


@dataclass(frozen=True, kw_only=True)
class TableGap:
    """A table of a document version of which rows are missing, or may be."""

    document_id: UUID
    version: int
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ListGap:
    """A list that goes on before or after what its source shows."""

    source_id: str


Gap = TableGap | ListGap


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The context with what was missing, and the evidence with its pieces in it."""

    context: Context
    evidence: list[SentenceEvidence]


async def complete_for(
    caller: Caller,
    database: Database,
    question: str,
    context: Context,
    evidence: list[SentenceEvidence],
) -> Completed:
    """The context with the rest of the table or list that the answer is from.

    The database is asked only where something is missing. Not for a model: it is not shown it.
    """
    gaps = gaps_of(question, context, evidence)
    if not gaps:
        return Completed(context=context, evidence=evidence)
    async with database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
        return await complete(scope, context, evidence, gaps, new_source_id=random_source_id)


def gaps_of(question: str, context: Context, evidence: Sequence[SentenceEvidence]) -> list[Gap]:
    """What the best evidence, or a question about all rows, lacks; mostly nothing."""
    best = max(evidence, key=lambda each: each.score, default=None)
    if best is None or best.piece is None:
        return []
    tables = tables_of(context)
    gaps: list[Gap] = []
    is_about_all = bool(tables) and answer_from_rows(question, tables) is not None
    for table in tables:
        is_best = any(each.source_id == best.source_id for each in table.rows)
        if not (is_about_all or (is_best and best.piece.row and not table.is_whole)):
            continue
        source = context.source(table.rows[0].source_id)
        row_counts = {each.row.table: each.row.row_count for each in table.rows}
        if source is not None and sum(row_counts.values()) <= MAX_ROWS:
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
    if source is not None and _is_cut(best.piece, source.passage.text):
        gaps.append(ListGap(source_id=best.source_id))
    return gaps


def _is_cut(piece: Piece, text: str) -> bool:
    """True when the list of the piece may go on outside of its passage."""
    whole = piece.span if piece.items else piece.whole
    return whole is not None and (not text[: whole.start].strip() or not text[whole.end :].strip())


async def complete(
    scope: TenantSession,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    gaps: Sequence[Gap],
    *,
    new_source_id: Callable[[], str],
) -> Completed:
    """The context with the gaps filled as far as the caller may see what fills them."""
    found = list(evidence)
    for gap in gaps:
        if isinstance(gap, TableGap):
            passages = await read_table_passages(
                scope, gap.document_id, gap.version, gap.columns, limit=MAX_TABLE_CHUNKS
            )
            context = with_passages(context, passages, new_source_id=new_source_id)
        else:
            source = context.source(gap.source_id)
            grown = None if source is None else await _grown(scope, source)
            if source is not None and grown is not None:
                sources = [grown if each.id == grown.id else each for each in context.sources]
                context = replace(context, sources=tuple(sources))
                found = [_moved(each, source, grown) for each in found]
    return Completed(context=context, evidence=found)


async def _grown(scope: TenantSession, source: Source) -> Source | None:
    """The source with its neighbours; None when it has none."""
    parts = {part.chunk_id: part for part in source.parts}
    for chunk_id in {source.parts[0].chunk_id, source.parts[-1].chunk_id}:
        for passage in await read_neighbours(scope, chunk_id, reach=NEIGHBOURS):
            is_same = passage.document_version == source.passage.document_version
            if is_same and passage.chunk_id not in parts:
                parts[passage.chunk_id] = passage
    if len(parts) == len(source.parts):
        return None
    ordered = sorted(parts.values(), key=lambda part: part.location["char_start"])
    offset, end = ordered[0].location["char_start"], ordered[-1].location["char_end"]
    shown = source.passage
    text = await read_slice(scope, shown.document_id, shown.document_version, offset, end)
    run = _run_around(source, ordered, text)
    if len(run) == len(source.parts):
        return None
    location = joined_location(run)
    text = text[location["char_start"] - offset : location["char_end"] - offset]
    passage = replace(shown, text=text, location=location)
    return Source(id=source.id, passage=passage, parts=tuple(run))


def _run_around(source: Source, ordered: Sequence[Passage], text: str) -> list[Passage]:
    """Those of the parts that follow each other around the source's.

    `text` goes from the first part to the last. Chunks leave out nothing but white space: other
    text between two is of a chunk of another section, or of one that the caller may not see.
    """
    offset = ordered[0].location["char_start"]
    runs: list[list[Passage]] = [[]]
    for part in ordered:
        if runs[-1]:
            end = runs[-1][-1].location["char_end"]
            if text[end - offset : part.location["char_start"] - offset].strip():
                runs.append([])
        runs[-1].append(part)
    first = source.parts[0].chunk_id
    return next(run for run in runs if any(part.chunk_id == first for part in run))


def _moved(evidence: SentenceEvidence, source: Source, grown: Source) -> SentenceEvidence:
    """The evidence with its piece as it stands in the grown source."""
    piece = evidence.piece
    if evidence.source_id != source.id or piece is None:
        return evidence
    shift = source.passage.location["char_start"] - grown.passage.location["char_start"]
    span = Span(piece.span.start + shift, piece.span.end + shift)
    for each in pieces_of(grown.passage):
        is_within = each.span.start <= span.start and span.end <= each.span.end
        if is_within and bool(each.items) == bool(piece.items):
            return replace(evidence, piece=each, text=each.text, lead_in=each.lead_in)
    return evidence
