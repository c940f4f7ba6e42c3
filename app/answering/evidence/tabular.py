"""Answers computed from all rows of a table: the most, how many, the sum, which of them have."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Literal, assert_never

from app.answering.claims import Draft, DraftCitation, DraftClaim
from app.answering.evidence.cell_values import comparable
from app.answering.evidence.row_conditions import Conditions, conditions_of, without_bounds
from app.answering.evidence.row_names import TableQuestion, folded_words, holds_phrase, is_among
from app.answering.evidence.row_tables import PlacedRow, Table
from app.answering.question.constraints import constraints_of
from app.answering.question.vocabulary import UNITS
from app.answering.verify.rows import Row
from app.answering.verify.tables import count_sentence, row_sentence, sum_sentence
from language.stems import content_stems
from language.text import STOP_WORDS, word_set

MAX_SHOWN_ROWS: Final = 20
"""Rows of an answer to "which"; nobody reads more."""

MAX_UNEXPLAINED: Final = 2
MAX_SHARE_UNEXPLAINED: Final = 0.34
"""Words of the question that neither the table nor its names hold; with more it asks for more."""

_MOST: Final = word_set(
    "most highest largest longest biggest greatest heaviest latest newest furthest farthest "
    "maximum tallest widest deepest fastest costliest meisten h\u00f6chste h\u00f6chsten "
    "h\u00f6chster gr\u00f6\u00dfte gr\u00f6\u00dften gr\u00f6\u00dfter l\u00e4ngste "
    "l\u00e4ngsten teuerste teuersten teuerster schwerste schwersten neueste neuesten "
    "sp\u00e4teste sp\u00e4testen"
)
_LEAST: Final = word_set(
    "least fewest lowest smallest shortest cheapest lightest earliest oldest nearest minimum "
    "slowest wenigsten niedrigste niedrigsten kleinste kleinsten k\u00fcrzeste k\u00fcrzesten "
    "billigste billigsten g\u00fcnstigste g\u00fcnstigsten leichteste fr\u00fcheste "
    "fr\u00fchesten \u00e4lteste \u00e4ltesten"
)
_FRENCH: Final = re.compile(r"\b(?:l[ea]s?|au) (plus|moins) (?!tard\b|t\u00f4t\b)\w", re.IGNORECASE)
_NOT_SUPERLATIVE: Final = re.compile(
    r"\b(?:at (?:the )?(?:most|least|latest|earliest)|am meisten von|mostly)\b", re.IGNORECASE
)
_OFTEN: Final = re.compile(r"\b(?:often|frequently|h\u00e4ufigsten|souvent|oft)\b", re.IGNORECASE)
_MONEY: Final = word_set(
    "cheapest expensive costliest teuerste teuersten billigste billigsten g\u00fcnstigste "
    "g\u00fcnstigsten cher ch\u00e8re chers ch\u00e8res"
)
_SUM: Final = re.compile(
    r"\b(?:total|sum|altogether|in all|combined|insgesamt|summe|zusammen|gesamt\w*+|somme|en tout)"
    r"\b",
    re.IGNORECASE,
)
_MEAN: Final = re.compile(
    r"\b(?:average|(?:the|arithmetic) mean|durchschnitt\w*|mittel|moyenne?)\b", re.IGNORECASE
)
_MEAN_HEADERS: Final = word_set("average mean durchschnitt")
_COUNT: Final = re.compile(r"\W*+(?:how many|wie ?viele|combien d[e'])\s?", re.IGNORECASE)
_WHICH: Final = re.compile(
    r"\W*+(?:(?:please )?(?:list|name|show)(?: me)?(?: all)?(?: the)?|which(?: of the)?|what"
    r"|welche[mnrs]?|quel(?:le)?s?(?: sont l[ea]s?)?|nenne(?: alle)?)\s",
    re.IGNORECASE,
)
_NOUN_WORDS: Final = 3
"""After "which" or "how many": "which rental vans", "how many meeting rooms"."""

Aggregate = Literal["most", "least", "sum", "mean", "count", "which"]


@dataclass(frozen=True, kw_only=True)
class _Computed:
    """The rows that are the answer, and its text: one for all of them, or one for each.

    `unexplained`: how many words of the question the table does not hold.
    """

    rows: Sequence[PlacedRow]
    texts: Sequence[str]
    unexplained: int

    @property
    def claims(self) -> tuple[DraftClaim, ...]:
        """A claim for each text; one text for all rows cites all of them."""
        citations = tuple(
            DraftCitation(source=placed.source_id, quote=placed.line) for placed in self.rows
        )
        if len(self.texts) == 1:
            return (DraftClaim(text=self.texts[0], citations=citations, is_computed=True),)
        return tuple(
            DraftClaim(text=text, citations=(citation,))
            for text, citation in zip(self.texts, citations, strict=True)
        )


def answer_from_rows(question: TableQuestion, tables: Sequence[Table]) -> Draft | None:
    """The computed answer of the table that explains most of the question.

    `unsupported` when the question asks for something of all rows and no table answers it for
    certain; None when it asks for nothing of the kind.
    """
    is_asked = False
    found: list[_Computed] = []
    for table in tables:
        aggregate = _aggregate(question, table)
        if aggregate is None:
            continue
        is_asked = True
        computed = _compute(question, aggregate, table) if table.is_whole else None
        if computed is not None:
            lines = "\n".join(placed.line for placed in computed.rows)
            background = f"{table.names} {' '.join(table.columns)}\n{lines}"
            constraints = constraints_of(without_bounds(question.text))
            found += [] if constraints.unmet("", background) else [computed]
    if found:
        best = min(found, key=lambda each: each.unexplained)
        return Draft(status="answered", claims=best.claims)
    return Draft(status="unsupported") if is_asked else None


# --- What is asked -------------------------------------------------------------------------------


def _aggregate(question: TableQuestion, table: Table) -> Aggregate | None:
    """The aggregate that the question asks for; words of the table's own header ask for none."""
    header = frozenset(folded_words(" ".join(table.columns)))
    text = _NOT_SUPERLATIVE.sub(" ", question.text)
    asked = frozenset(folded_words(text)) - header
    french = _FRENCH.search(text)
    if _MEAN.search(text) and not header & _MEAN_HEADERS:
        return "mean"
    if asked & _LEAST or (french and french[1].lower() == "moins"):
        return "least"
    if asked & _MOST or french:
        return "most"
    total = _SUM.search(text)
    if total and header.isdisjoint(folded_words(total[0])):
        return "sum"
    counted, which = _COUNT.match(text), _WHICH.match(text)
    if counted and _asks_for_rows(text[counted.end() :], table):
        return "count"
    return "which" if which and _asks_for_rows(text[which.end() :], table) else None


def _asks_for_rows(rest: str, table: Table) -> bool:
    """True when the noun that follows is what the rows are, and not what a column holds.

    False for a question that names a row itself. `rest`: the question behind "which", "how many".
    """
    words = folded_words(rest)
    names = [cell.value for placed in table.rows for cell in placed.row.key]
    if any(any(map(str.isalpha, name)) and holds_phrase(words, name) for name in names):
        return False
    phrase = takewhile(lambda word: word not in STOP_WORDS, words[:_NOUN_WORDS])
    noun = frozenset(content_stems(" ".join(phrase))[:2])
    key = frozenset(stem for cell in table.rows[0].row.key for stem in content_stems(cell.column))
    kinds = key | frozenset(content_stems(table.names))
    return bool(noun & kinds) and not noun & (table.column_stems - key)


# --- Computing -----------------------------------------------------------------------------------


def _compute(question: TableQuestion, aggregate: Aggregate, table: Table) -> _Computed | None:
    """The rows that meet the question's conditions, aggregated; None where that is not certain.

    A row that sums up the others is one of them only for a sum of which it is the only row: the
    team with the highest budget is not the total.
    """
    conditions = conditions_of(question, table, read=_MOST | _LEAST)
    unexplained = None if conditions is None else _count_unexplained(question, conditions, table)
    if conditions is None or unexplained is None:
        return None
    met = [placed for placed in table.rows if conditions.are_met_by(placed)]
    found = [placed for placed in met if not placed.row.is_total]
    if aggregate == "sum" and not found:
        found = met
    rows = [placed.row for placed in found]
    if not rows:
        return None
    texts: Sequence[str] = ()
    match aggregate:
        case "most" | "least":
            column = _column(question, rows, excluded=frozenset())
            if column is not None:
                found = _extreme(question, aggregate, found, column)
                texts = [row_sentence(placed.row, [column]) for placed in found]
        case "sum":
            column = _column(question, rows, excluded=conditions.columns)
            texts = [] if column is None else [sum_sentence(rows, column)]
        case "count":
            texts = [count_sentence(rows)]
        case "which":
            is_bounded = bool(conditions.all_of) and len(rows) <= MAX_SHOWN_ROWS
            texts = [row_sentence(row, conditions.columns) for row in rows] if is_bounded else []
        case "mean":
            # Verification has no fixed form for a mean.
            pass
        case _:
            assert_never(aggregate)
    return _Computed(rows=found, texts=texts, unexplained=unexplained) if any(texts) else None


def _count_unexplained(question: TableQuestion, conditions: Conditions, table: Table) -> int | None:
    """The number of words that neither the table nor its names hold; None when it is too large."""
    text = " ".join(word for word in question.words if word not in _MOST | _LEAST | _MONEY)
    stems = frozenset(content_stems(_SUM.sub(" ", _OFTEN.sub(" ", text))))
    cells = " ".join(cell.value for placed in table.rows for cell in placed.row.cells)
    known = table.column_stems | conditions.stems
    known |= frozenset(content_stems(f"{table.names} {cells}"))
    count = sum(not is_among(stem, known) for stem in stems)
    is_much = count > MAX_UNEXPLAINED or count > MAX_SHARE_UNEXPLAINED * len(stems)
    return None if is_much else count


def _extreme(
    question: TableQuestion,
    aggregate: Literal["most", "least"],
    rows: Sequence[PlacedRow],
    column: str,
) -> list[PlacedRow]:
    """The rows with the largest or smallest value; none where a value cannot be compared."""
    values = [
        next((comparable(cell) for cell in placed.row.cells if cell.column == column), None)
        for placed in rows
    ]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len({value.unit for value in known}) > 1:
        return []
    # What happens most often has the shortest time between.
    is_often = _OFTEN.search(question.text) is not None and known[0].unit == "period"
    choose = min if (aggregate == "least") != is_often else max
    extreme = choose(value.amount for value in known)
    return [placed for placed, value in zip(rows, known, strict=True) if value.amount == extreme]


def _column(
    question: TableQuestion, rows: Sequence[Row], *, excluded: Collection[str]
) -> str | None:
    """The one column of comparable values that the question is about; None when it may be two."""
    cells = [
        cell
        for cell in rows[0].cells
        if cell not in rows[0].key and cell.column not in excluded and comparable(cell) is not None
    ]
    is_about_money = not _MONEY.isdisjoint(question.words)
    dimensions = ("money",) if is_about_money else question.answer_type.dimensions
    units = frozenset[str]().union(*(UNITS.get(each, ()) for each in dimensions))
    measured = [
        cell for cell in cells if units & set(f"{cell.unit} {cell.value}".casefold().split())
    ]
    if is_about_money:
        cells = measured
    share_by_column: dict[str, float] = {}
    for cell in cells:
        stems = content_stems(cell.column)
        parts = stems or folded_words(cell.column)
        asked: Collection[str] = question.stems if stems else question.words
        named = [each for each in parts if is_among(each, asked)]
        # A year alone names no column.
        is_named = any(not each.isdigit() for each in named)
        share_by_column[cell.column] = len(named) / len(parts) if is_named else 0.0
    best = max(share_by_column.values(), default=0.0)
    if best > 0 or is_about_money:
        measured = [cell for cell in cells if share_by_column[cell.column] == best]
    return measured[0].column if len(measured) == 1 else None
