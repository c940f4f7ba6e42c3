"""Answers without a language model: what the sources say to the question, each piece quoted.

the tables' own answer, if it takes all rows -> for each part of the question the best piece that
is about it -> the piece made whole: a list with its lead-in, a row told, a sentence with what
belongs to it
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.claims import Draft, DraftCitation, DraftClaim
from app.context import Context, Source
from app.generate.answer_type import expected_answer
from app.generate.asked import asks_for_all, asks_how, defined_term, defines, parts_of
from app.generate.constraints import Constraints, constraints_of
from app.generate.evidence import SentenceEvidence
from app.generate.lines import MARKER
from app.generate.pieces import Piece, pieces_of
from app.generate.row_tables import (
    PlacedRow,
    Table,
    lacks_attribute,
    named_rows,
    tables_of,
    wanted_columns,
)
from app.generate.tabular import answer_from_rows
from app.verify.more import tell_more
from app.verify.tables import Row, tell_row
from kb.passages import Passage
from kb.text import Span, content_stems, sentences

MIN_SHARE_OF_BEST: Final = 0.5
"""Of the best piece's score that one needs to answer in its place."""

STEPS_BONUS: Final = 0.3
"""For a procedure where the question asks how."""

DEFINITION_BONUS: Final = 0.5
"""For the sentence that defines what the question asks a definition of."""

MAX_LIST_ITEMS: Final = 30
MAX_LIST_CHARS: Final = 2_500
"""Of a list that is told; what is beyond is counted."""

MAX_BEFORE_CHARS: Final = 300
"""Of a sentence that is put before one that leans on it."""

_LEANS: Final = re.compile(
    r"\W*+(?:it|its|they|their|he|she|this|these|those|such|otherwise|afterwards|then"
    r"|in (?:that|this|these|such) cases?|if (?:so|not)|however|unless|except"
    r"|er|sie|es|dies(?:e[rsmn]?)?|sonst|andernfalls|danach|dabei|jedoch|allerdings"
    r"|il|elle|ils|elles|cela|ce|sinon|ensuite|toutefois|cependant|sauf)\b",
    re.IGNORECASE,
)
"""How a sentence begins that is understood only after the one before it."""

_BELONGS: Final = re.compile(
    r"\W*+(?:however|unless|except|but|only|otherwise|afterwards|this (?:applies|holds|does not)"
    r"|in (?:that|this|these|such) cases?|if (?:so|not)|exceptions?"
    r"|jedoch|allerdings|ausgenommen|au\u00dfer|sonst|andernfalls|danach|dies gilt|nur|ausnahmen?"
    r"|toutefois|cependant|sauf|sinon|ensuite|cela ne|seuls?)\b",
    re.IGNORECASE,
)
"""How a sentence begins that is the condition, exception or deadline of the one before it."""


_ALTERNATIVE: Final = re.compile(r"\b(?:or|oder|ou)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Told:
    """A claim and what it is quoted from."""

    source_id: str
    text: str
    quotes: tuple[str, ...]
    row: Row | None = None
    columns: frozenset[str] = frozenset()

    def merged_with(self, other: "_Told") -> "_Told":
        """One claim of the same row with the columns of both; without any, all are told."""
        if self.row is None:
            return self
        columns = self.columns | other.columns if self.columns and other.columns else frozenset()
        return replace(self, text=tell_row(self.row, columns or None), columns=columns)

    @property
    def claim(self) -> DraftClaim:
        return DraftClaim(
            text=self.text,
            citations=tuple(
                DraftCitation(source=self.source_id, quote=quote) for quote in self.quotes
            ),
        )


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
    told: dict[tuple[str, ...], _Told] = {}
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
    return table is not None and answer_from_rows(question, [table]) is not None


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

    def answer(self, evidence: Sequence[SentenceEvidence]) -> Sequence[_Told]:
        """The first piece, best first, that is about the question, made whole."""
        best = max((each.score for each in evidence), default=0.0)
        for each in sorted(evidence, key=lambda each: -self._fit(each)):
            source = self.context.source(each.source_id)
            if source is None or each.piece is None or each.score < MIN_SHARE_OF_BEST * best:
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
    ) -> Iterator[_Told]:
        passage = source.passage
        if piece.row is not None:
            yield from self._rows(source, piece.row)
            return
        if piece.items or piece.whole:
            told = self._of_list(source, piece, evidence)
        else:
            told = _sentence(source, piece)
        if told is not None and self._answers(told.text, _background(passage, piece)):
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
    ) -> _Told | None:
        """The whole list where it is asked for, else the item that is."""
        pieces = pieces_of(source.passage)
        span = piece.whole or piece.span
        whole = next((each for each in pieces if each.items and each.span == span), None)
        if whole is None:
            return _item(source, piece)
        items = [each for each in pieces if each.whole == span]
        rest = self._rest(source.passage, items[0])
        shared = [len(rest & frozenset(content_stems(item.text))) for item in items]
        most = max(shared)
        named = [item for item, count in zip(items, shared, strict=True) if count == most > 0]
        if self._wants_whole(whole, named, rest):
            return _whole(source, whole)
        if piece.items:
            score = {
                each.piece.span: each.score
                for each in evidence
                if each.piece and each.source_id == source.id
            }
            piece = max(named or items, key=lambda each: score.get(each.span, 0.0))
        return _item(source, piece)

    def _wants_whole(self, whole: Piece, named: Sequence[Piece], rest: frozenset[str]) -> bool:
        if whole.kind == "steps" and asks_how(self.part):
            return True
        if len(named) == 1:
            return False
        is_introduced = whole.span.start < whole.items[0].start
        is_marked = MARKER.match(whole.text) is not None
        return is_introduced or (asks_for_all(self.part) and (is_marked or not rest))

    def _rest(self, passage: Passage, item: Piece) -> frozenset[str]:
        """What the question says beside the names above the list and its lead-in."""
        names = [passage.title or "", *passage.location["section"], item.heading, item.lead_in]
        return frozenset(content_stems(self.asked)) - frozenset(content_stems(" ".join(names)))

    # --- Rows ------------------------------------------------------------------------------------

    def _rows(self, source: Source, row: Row) -> Iterator[_Told]:
        """The rows of the same table that the question names, with the columns that it wants."""
        table = _table_of(source.id, row, self.tables)
        if table is None:
            return
        for placed in self._named_rows(table):
            told = self._row(placed, table)
            if told is not None:
                yield told

    def _named_rows(self, table: Table) -> Sequence[PlacedRow]:
        return named_rows(self.part, table) or named_rows(self.asked, table)

    def _row(self, placed: PlacedRow, table: Table) -> _Told | None:
        row = placed.row
        if lacks_attribute(self.part, row, table.names):
            return None
        columns = wanted_columns(self.part, row) or wanted_columns(self.asked, row)
        told = tell_row(row, columns or None)
        background = f"{table.names} {' '.join(table.columns)} {placed.line}"
        if not self._answers(told, background):
            return None
        return _Told(
            source_id=placed.source_id,
            text=told,
            quotes=(placed.line,),
            row=row,
            columns=frozenset(columns),
        )


# --- Text ----------------------------------------------------------------------------------------


def _background(passage: Passage, piece: Piece) -> str:
    """What stands around a piece: title, sections, the heading above, the lead-in."""
    names = [passage.title or "", *passage.location["section"], piece.heading, piece.lead_in]
    return "\n".join(dict.fromkeys(filter(None, names)))


def _whole(source: Source, whole: Piece) -> _Told:
    """A list with its lead-in; one without, under its heading."""
    text = source.passage.text
    start = whole.span.start
    if whole.span.start == whole.items[0].start and whole.heading:
        above = text.rfind(whole.heading, 0, start)
        is_right_above = above >= 0 and not text[above + len(whole.heading) : start].strip("\n=- ")
        start = above if is_right_above else start
    told = [each for each in whole.items if each.end - start <= MAX_LIST_CHARS][:MAX_LIST_ITEMS]
    end = told[-1].end if told else whole.span.end
    quote = text[start:end]
    left = len(whole.items) - len(told) if told else 0
    where = whole.heading or source.passage.title or ""
    more = f"\n{tell_more(left, where, source.passage.language)}" if left and where else ""
    return _Told(source_id=source.id, text=f"{quote}{more}", quotes=(quote,))


def _item(source: Source, piece: Piece) -> _Told:
    """An item says little without the line that leads to it: both are quoted."""
    quotes = (piece.text, piece.lead_in) if piece.lead_in else (piece.text,)
    return _Told(source_id=source.id, text="\n".join(reversed(quotes)), quotes=quotes)


def _sentence(source: Source, piece: Piece) -> _Told:
    """The sentence; with the one before it that it leans on, and the ones that belong to it."""
    said = [each for each in pieces_of(source.passage) if each.kind == "sentence"]
    place = next(index for index, each in enumerate(said) if each.span == piece.span)
    first = last = place
    text = source.passage.text
    if _LEANS.match(piece.text) and place > 0 and _is_next(said[place - 1], piece, text):
        before = said[place - 1]
        first -= len(before.text) <= MAX_BEFORE_CHARS
    while (
        last + 1 < len(said)
        and _BELONGS.match(said[last + 1].text)
        and _is_next(said[last], said[last + 1], text)
    ):
        last += 1
    start = _start_of_sentence(text, said[first].span)
    told = text[start : said[last].span.end]
    return _Told(source_id=source.id, text=told, quotes=(told,))


def _start_of_sentence(text: str, span: Span) -> int:
    """Where a sentence begins whose first words were taken for a heading: a lower case tells."""
    before = text[max(0, span.start - MAX_BEFORE_CHARS) : span.start]
    is_cut = text[span.start].islower() and bool(before.strip())
    if not is_cut or before.rstrip().endswith((".", "!", "?", ":")):
        return span.start
    return span.start - len(before) + sentences(before)[-1].start


def _is_next(piece: Piece, following: Piece, text: str) -> bool:
    """True for two sentences of one paragraph."""
    gap = text[piece.span.end : following.span.start]
    return not gap.strip() and gap.count("\n") <= 1 and piece.heading == following.heading
