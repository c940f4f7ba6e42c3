"""Answers without a language model: what the sources say to the question, each piece quoted.

the tables' own answer, if it takes all rows -> for each part of the question the best piece that
is about it -> the piece made whole: a list with its lead-in, a row told, a sentence with what
belongs to it
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.answering.claims import Draft
from app.answering.context import Context, Source
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.evidence.ranking import SentenceEvidence, background_of, named_by
from app.answering.evidence.row_tables import (
    PlacedRow,
    Table,
    lacks_attribute,
    leaves_out,
    named_rows,
    row_named_by_key,
    said_of,
    tables_of,
    wanted_columns,
)
from app.answering.evidence.tabular import answer_from_rows
from app.answering.generate.telling import Told, tell_item, tell_list, tell_sentence
from app.answering.question.answer_type import expected_answer
from app.answering.question.asked import (
    asks_for_all,
    asks_for_everything,
    asks_how,
    defined_term,
    defines,
)
from app.answering.question.parts import Part, parts_in
from app.answering.verify.rows import Row
from app.answering.verify.tables import tell_row
from kb.passages import Passage
from language.lines import MARKER
from language.text import content_stems

MIN_SHARE_OF_BEST: Final = 0.8
"""Of how well the best piece fits that one needs to answer in its place. Of 250 questions of SQuAD2
those that only a piece below it answers are answered wrongly."""

WHOLE_ROW_BONUS: Final = 1.0
"""Of the row of which all is asked for, over a sentence that says one thing more."""

STEPS_BONUS: Final = 0.3
"""For a procedure where the question asks how."""

WHOLE_LIST_MALUS: Final = 0.3
"""For a whole list where the question asks for an amount, a time, a person or a place: being longer
it holds more of the question's words."""

ONE_THING: Final = frozenset({"number", "time", "person", "place", "contact"})

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
    for place, part in enumerate(parts_in(question, asked)):
        composer = _Composer(part=part, context=context, tables=tables)
        for each in composer.answer([each for each in evidence if each.part == place]):
            key = (each.source_id, *each.quotes)
            told[key] = told[key].merged_with(each) if key in told else each
    claims = tuple(each.claim for each in told.values())
    return Draft(status="answered" if claims else "unsupported", claims=claims)


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
    """Answers one part of a question."""

    part: Part
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
        if piece.items and self.part.constraints.expected.kind in ONE_THING:
            fit -= WHOLE_LIST_MALUS
        if piece.kind == "steps" and asks_how(self.part.text):
            fit += STEPS_BONUS
        if piece.row is not None and self._is_asked_whole(piece.row):
            fit += WHOLE_ROW_BONUS
        term = defined_term(self.part.text)
        if term is not None and defines(piece.text, term):
            fit += DEFINITION_BONUS
        return fit

    def _is_asked_whole(self, row: Row) -> bool:
        """True for the row of the one thing of which all is wanted."""
        if not asks_for_everything(self.part.text):
            return False
        key = frozenset(content_stems(" ".join(cell.value for cell in row.key)))
        return bool(key) and key <= frozenset(content_stems(self.part.text))

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
        background = background_of(passage, piece)
        if told is not None and self._answers(told.text, background, named_by(passage, piece)):
            yield told

    def _answers(self, text: str, background: str, names: str, *, about: str | None = None) -> bool:
        """True when the text is about the question, holds the thing asked for, and says more.

        `names` are of its background what names it; `about`: what says what it is about, if that
        is not the text.
        """
        asked = frozenset(content_stems(self.part.text))
        is_echo = asked.issuperset(content_stems(text))
        first = _ALTERNATIVE.split(self.part.text, maxsplit=1)[0]
        if is_echo and expected_answer(first).kind != "decision":
            return False
        if self.part.constraints.unmet(text if about is None else about, background):
            return False
        return not self.part.constraints.lacks_answer(text, names)

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
        is_one_named = len(named) == 1 and (2 * most > len(rest) or not self._wants_several())
        is_best = bool(piece.items) and self._wants_several()
        if self._wants_whole(whole, rest, is_one_named=is_one_named, is_best=is_best):
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
        return asks_for_all(self.part.text) and expected_answer(self.part.text).kind in {
            "other",
            "steps",
        }

    def _wants_whole(
        self, whole: Piece, rest: frozenset[str], *, is_one_named: bool, is_best: bool
    ) -> bool:
        """True for a list that is asked for; `is_best`: as a whole it fits better than an item."""
        if whole.kind == "steps" and asks_how(self.part.text):
            return True
        if is_one_named:
            return False
        is_introduced = whole.span.start < whole.items[0].start
        is_marked = MARKER.match(whole.text) is not None
        is_plain = is_marked or not rest
        return is_introduced or is_best or (asks_for_all(self.part.text) and is_plain)

    def _rest(self, passage: Passage, item: Piece) -> frozenset[str]:
        """What the question says beside the names above the list and its lead-in."""
        names = [passage.title or "", *passage.location["section"], item.heading, item.lead_in]
        return frozenset(content_stems(self.part.in_context)) - frozenset(
            content_stems(" ".join(names))
        )

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
        rows = named_rows(self.part.text, table)
        if len(rows) > 1:
            rows = named_rows(self.part.in_context, replace(table, rows=tuple(rows))) or rows
        return rows or named_rows(self.part.in_context, table)

    def _row(self, placed: PlacedRow, table: Table) -> Told | None:
        row = placed.row
        if lacks_attribute(self.part.text, row, table.names) or leaves_out(self.part.text, row):
            return None
        columns = wanted_columns(self.part.text, row) or wanted_columns(self.part.in_context, row)
        told = tell_row(row, columns or None)
        background = f"{table.names} {' '.join(table.columns)} {placed.line}"
        if not self._answers(told, background, background, about=said_of(row)):
            return None
        return Told(
            source_id=placed.source_id,
            text=told,
            quotes=(placed.line,),
            row=row,
            columns=frozenset(columns),
        )
