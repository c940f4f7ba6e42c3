"""Answers without a language model: what the sources say to the question, each piece quoted.

the tables' own answer, if it takes all rows -> for each part of the question the best piece that
is about it -> the piece made whole: a list with its lead-in, a row told, a sentence with what
belongs to it
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.claims import Draft
from app.context import Context, Source
from app.generate.answer_type import expected_answer
from app.generate.asked import asks_for_all, asks_how, defined_term, defines, parts_of
from app.generate.constraints import Constraints, constraints_of
from app.generate.evidence import SentenceEvidence, background_of
from app.generate.pieces import Piece, pieces_of
from app.generate.row_tables import (
    PlacedRow,
    Table,
    lacks_attribute,
    named_rows,
    row_named_by_key,
    tables_of,
    wanted_columns,
)
from app.generate.tabular import answer_from_rows
from app.generate.telling import Told, tell_item, tell_list, tell_sentence
from app.verify.tables import Row, tell_row
from kb.passages import Passage
from kb.text import content_stems
from language.lines import MARKER

MIN_SHARE_OF_BEST: Final = 0.8
"""Of how well the best piece fits that one needs to answer in its place. Of 250 questions of SQuAD2
those that only a piece below it answers are answered wrongly."""

STEPS_BONUS: Final = 0.3
"""For a procedure where the question asks how."""

DEFINITION_BONUS: Final = 0.5
"""For the sentence that defines what the question asks a definition of."""

_ALTERNATIVE: Final = re.compile(r"\b(?:or|oder|ou)\b", re.IGNORECASE)


def extract(
    question: str,
    evidence: Sequence[SentenceEvidence],
    context: Context,
    *,
    in_context: str | None = None,
) -> Draft:
    """The answer in the sources' words: a claim for each part of the question.

    `unsupported` when no piece is about the question and holds what it asks for, and when it asks
    for something about all rows of a table that they do not tell for certain.

    Args:
        question: as it was put.
        evidence: the pieces that may answer it.
        context: the sources of the evidence.
        in_context: the question with the one before it that it leans on.
    """
    asked = in_context or question
    tables = tables_of(context)
    computed = answer_from_rows(asked, tables)
    if computed is not None and (computed.claims or _is_unsure(asked, evidence, tables)):
        return computed
    told: dict[tuple[str, ...], Told] = {}
    parts = parts_of(question)
    for part in parts:
        composer = _Composer(
            part=part,
            others=" ".join(each for each in parts if each != part),
            asked=asked if len(parts) == 1 else question,
            about=_about(part, parts, asked),
            context=context,
            tables=tables,
        )
        for each in composer.answer(evidence):
            key = (each.source_id, *each.quotes)
            told[key] = told[key].merged_with(each) if key in told else each
    claims = tuple(each.claim for each in told.values())
    return Draft(status="answered" if claims else "unsupported", claims=claims)


def _about(part: str, parts: Sequence[str], asked: str) -> Constraints:
    """What the part pins down, and of what it leans on the things of other kinds.

    "And the Birch?" is about the Birch, of which the same is asked as of the Cedar before it.
    """
    own = constraints_of(part)
    if len(parts) > 1:
        return own if own.pins else constraints_of(parts[0])
    kinds = {pin.kind for pin in own.pins}
    leaned_on = [pin for pin in constraints_of(asked).pins if pin.kind not in kinds]
    return replace(own, pins=(*own.pins, *leaned_on))


def _is_unsure(
    question: str, evidence: Sequence[SentenceEvidence], tables: Sequence[Table]
) -> bool:
    """True when the best piece is a row of a table that the question asks all rows of."""
    best = max(evidence, key=lambda each: each.score, default=None)
    if best is None or best.piece is None or best.piece.row is None:
        return False
    table = _table_of(best.source_id, best.piece.row, tables)
    if table is None or answer_from_rows(question, [table]) is None:
        return False
    # "The maximum number of packs of enoxaparin" is a cell of the one row that it names.
    return row_named_by_key(question, table) is None


def _table_of(source_id: str, row: Row, tables: Sequence[Table]) -> Table | None:
    return next(
        (
            table
            for table in tables
            if any(each.row == row and each.source_id == source_id for each in table.rows)
        ),
        None,
    )


@dataclass(frozen=True, kw_only=True)
class _Composer:
    """Answers one part of a question.

    `others` are the other parts, `asked` is all that is asked with what it leans on.
    """

    part: str
    others: str
    asked: str
    about: Constraints
    context: Context
    tables: Sequence[Table]

    def answer(self, evidence: Sequence[SentenceEvidence]) -> Sequence[Told]:
        """The first piece, best first, that is about the question, made whole."""
        fits = [(self._fit(each), each) for each in evidence]
        best = max((fit for fit, _ in fits), default=0.0)
        for fit, each in sorted(fits, key=lambda pair: -pair[0]):
            source = self.context.source(each.source_id)
            if source is None or each.piece is None or fit < MIN_SHARE_OF_BEST * best:
                continue
            told = list(self._told(source, each.piece, evidence))
            if told:
                return told
        return []

    def _fit(self, evidence: SentenceEvidence) -> float:
        """How well the piece answers this part: the ranking, and what only this part asks."""
        piece = evidence.piece
        fit = evidence.score
        if piece is None:
            return fit
        if self.others:
            held = frozenset(content_stems(f"{piece.lead_in} {piece.heading} {piece.text}"))
            own = frozenset(content_stems(self.part))
            other = frozenset(content_stems(self.others)) - own
            fit += len(own & held) / max(len(own), 1) - len(other & held) / max(len(other), 1)
        if piece.kind == "steps" and asks_how(self.part):
            fit += STEPS_BONUS
        term = defined_term(self.part)
        if term is not None and defines(piece.text, term):
            fit += DEFINITION_BONUS
        return fit

    def _told(
        self, source: Source, piece: Piece, evidence: Sequence[SentenceEvidence]
    ) -> Iterator[Told]:
        passage = source.passage
        if piece.row is not None:
            yield from self._rows(source, piece.row)
            return
        if piece.items or piece.whole:
            told = self._of_list(source, piece, evidence)
        else:
            told = tell_sentence(source, piece)
        if told is not None and self._answers(told.text, background_of(passage, piece)):
            yield told

    def _answers(self, text: str, background: str) -> bool:
        """True when the text is about the question, holds the thing asked for, and says more."""
        asked = frozenset(content_stems(self.part))
        is_echo = asked.issuperset(content_stems(text))
        first = _ALTERNATIVE.split(self.part, maxsplit=1)[0]
        if is_echo and expected_answer(first).kind != "decision":
            return False
        if self.about.unmet(text, background):
            return False
        return not constraints_of(self.part).lacks_answer(text, background)

    # --- Lists -----------------------------------------------------------------------------------

    def _of_list(
        self, source: Source, piece: Piece, evidence: Sequence[SentenceEvidence]
    ) -> Told | None:
        """The whole list where it is asked for, else the item that is."""
        pieces = pieces_of(source.passage)
        span = piece.whole or piece.span
        whole = next((each for each in pieces if each.items and each.span == span), None)
        if whole is None:
            return tell_item(source, piece)
        items = [each for each in pieces if each.whole == span]
        rest = self._rest(source.passage, items[0])
        shared = [len(rest & frozenset(content_stems(item.text))) for item in items]
        most = max(shared)
        named = [item for item, count in zip(items, shared, strict=True) if count == most > 0]
        is_one_named = len(named) == 1 and (2 * most >= len(rest) or not self._wants_several())
        if self._wants_whole(whole, rest, is_one_named=is_one_named):
            return tell_list(source, whole)
        if piece.items:
            score = {
                each.piece.span: each.score
                for each in evidence
                if each.piece and each.source_id == source.id
            }
            piece = max(named or items, key=lambda each: score.get(each.span, 0.0))
        return tell_item(source, piece)

    def _wants_several(self) -> bool:
        """True for a question that no one amount, time, person or yes answers."""
        return asks_for_all(self.part) and expected_answer(self.part).kind in {"other", "steps"}

    def _wants_whole(self, whole: Piece, rest: frozenset[str], *, is_one_named: bool) -> bool:
        if whole.kind == "steps" and asks_how(self.part):
            return True
        if is_one_named:
            return False
        is_introduced = whole.span.start < whole.items[0].start
        is_marked = MARKER.match(whole.text) is not None
        return is_introduced or (asks_for_all(self.part) and (is_marked or not rest))

    def _rest(self, passage: Passage, item: Piece) -> frozenset[str]:
        """What the question says beside the names above the list and its lead-in."""
        names = [passage.title or "", *passage.location["section"], item.heading, item.lead_in]
        return frozenset(content_stems(self.asked)) - frozenset(content_stems(" ".join(names)))

    # --- Rows ------------------------------------------------------------------------------------

    def _rows(self, source: Source, row: Row) -> Iterator[Told]:
        """The rows of the same table that the question names, with the columns that it wants."""
        table = _table_of(source.id, row, self.tables)
        if table is None:
            return
        for placed in self._named_rows(table):
            told = self._row(placed, table)
            if told is not None:
                yield told

    def _named_rows(self, table: Table) -> Sequence[PlacedRow]:
        """Those that the part names; of several, the ones that fit what it leans on."""
        rows = named_rows(self.part, table)
        if len(rows) > 1:
            rows = named_rows(self.asked, replace(table, rows=tuple(rows))) or rows
        return rows or named_rows(self.asked, table)

    def _row(self, placed: PlacedRow, table: Table) -> Told | None:
        row = placed.row
        if lacks_attribute(self.part, row, table.names):
            return None
        columns = wanted_columns(self.part, row) or wanted_columns(self.asked, row)
        told = tell_row(row, columns or None)
        background = f"{table.names} {' '.join(table.columns)} {placed.line}"
        if not self._answers(told, background):
            return None
        return Told(
            source_id=placed.source_id,
            text=told,
            quotes=(placed.line,),
            row=row,
            columns=frozenset(columns),
        )
