"""Answers that take all rows of a table: the most, how many, the sum, which of them have."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Literal

from app.answering.claims import Draft, DraftCitation, DraftClaim
from app.answering.evidence.cell_values import Value, comparable
from app.answering.evidence.row_conditions import Conditions, conditions_of, without_bounds
from app.answering.evidence.row_tables import PlacedRow, Table, holds_phrase, words
from app.answering.question.answer_type import expected_answer
from app.answering.question.constraints import constraints_of
from app.answering.question.proper_names import is_like
from app.answering.question.vocabulary import UNITS
from app.answering.verify.rows import Cell, Row
from app.answering.verify.tables import tell_count, tell_row, tell_sum
from language.text import STOP_WORDS, content_stems, word_set

MAX_TOLD_ROWS: Final = 20
"""Rows that an answer tells; "which" that more would do for has no answer to read."""

MAX_UNEXPLAINED: Final = 2
MAX_SHARE_UNEXPLAINED: Final = 0.34
"""Words of the question that neither the table nor its names hold; with more it asks for more."""

_UNSURE: Final = Draft(status="unsupported")

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
    """Rows that are the answer, and how they are told."""

    rows: Sequence[PlacedRow]
    texts: Sequence[str]


def answer_from_rows(question: str, tables: Sequence[Table]) -> Draft | None:
    """The computed answer of the table that explains most of the question.

    `unsupported` when the question asks for something of all rows and no table tells it for
    certain; None when it asks for nothing of the kind.
    """
    is_asked = False
    found: list[tuple[int, _Computed]] = []
    for table in tables:
        aggregate = _aggregate(question, table)
        if aggregate is None:
            continue
        is_asked = True
        computed = _computed(question, aggregate, table) if table.is_whole else None
        if computed is not None and _is_about(question, computed[1], table):
            found.append(computed)
    if found:
        best = min(found, key=lambda each: each[0])
        return Draft(status="answered", claims=_claims(best[1]))
    return _UNSURE if is_asked else None


def _claims(computed: _Computed) -> tuple[DraftClaim, ...]:
    """One for each text; a text that tells all rows cites all of them."""
    every = tuple(
        DraftCitation(source=placed.source_id, quote=placed.line) for placed in computed.rows
    )
    if len(computed.texts) == 1:
        return (DraftClaim(text=computed.texts[0], citations=every, is_computed=True),)
    return tuple(
        DraftClaim(text=text, citations=(citation,))
        for text, citation in zip(computed.texts, every, strict=True)
    )


def _is_about(question: str, computed: _Computed, table: Table) -> bool:
    lines = "\n".join(placed.line for placed in computed.rows)
    around = f"{table.names} {' '.join(table.columns)}\n{lines}"
    return not constraints_of(without_bounds(question)).unmet("", around)


# --- What is asked -------------------------------------------------------------------------------


def _aggregate(question: str, table: Table) -> Aggregate | None:
    """What the question wants of all rows; words of the table's own header are no such wish."""
    header = frozenset(words(" ".join(table.columns)))
    plain = _NOT_SUPERLATIVE.sub(" ", question)
    asked = [word for word in words(plain) if word not in header]
    french = _FRENCH.search(plain)
    if _MEAN.search(plain) and not header & frozenset(words("average mean durchschnitt")):
        return "mean"
    if any(word in _LEAST for word in asked) or (french and french[1].lower() == "moins"):
        return "least"
    if any(word in _MOST for word in asked) or french:
        return "most"
    total = _SUM.search(plain)
    if total and not header & frozenset(words(total[0])):
        return "sum"
    counted, which = _COUNT.match(plain), _WHICH.match(plain)
    if counted and _asks_for_rows(plain[counted.end() :], table):
        return "count"
    return "which" if which and _asks_for_rows(plain[which.end() :], table) else None


def _asks_for_rows(rest: str, table: Table) -> bool:
    """True when the noun that follows is what the rows are, and not what a column holds."""
    phrase = takewhile(lambda word: word not in STOP_WORDS, words(rest)[:_NOUN_WORDS])
    noun = content_stems(" ".join(phrase))[:2]
    row = table.rows[0].row
    keys = frozenset(stem for cell in row.key for stem in content_stems(cell.column))
    others = table.column_stems - keys
    kinds = keys | frozenset(content_stems(table.names))
    if not noun or _named_in_full(rest, table):
        return False
    is_kind = any(stem in kinds for stem in noun)
    return is_kind and not any(stem in others and stem not in keys for stem in noun)


def _named_in_full(question: str, table: Table) -> bool:
    """True when the question names a row itself."""
    asked = words(question)
    return any(
        holds_phrase(asked, cell.value) and any(map(str.isalpha, cell.value))
        for placed in table.rows
        for cell in placed.row.key
    )


# --- Computing -----------------------------------------------------------------------------------


def _computed(question: str, aggregate: Aggregate, table: Table) -> tuple[int, _Computed] | None:
    """What comes of it, and how many words of the question the table does not hold."""
    conditions = conditions_of(question, table, taken=_MOST | _LEAST)
    unexplained = 0 if conditions is None else _count_unexplained(question, conditions, table)
    if conditions is None or unexplained is None:
        return None
    placed = _chosen(aggregate, conditions, table)
    if not placed:
        return None
    rows = [each.row for each in placed]
    texts: Sequence[str] = ()
    match aggregate:
        case "most" | "least":
            extreme = _extreme(question, aggregate, placed)
            return None if extreme is None else (unexplained, extreme)
        case "sum":
            column = _column(question, rows, taken=conditions.columns)
            texts = [tell_sum(rows, column)] if column else []
        case "count":
            texts = [tell_count(rows)]
        case "which":
            is_bounded = not conditions.is_empty and len(rows) <= MAX_TOLD_ROWS
            texts = [tell_row(row, conditions.columns) for row in rows] if is_bounded else []
        case "mean":
            # No fixed form tells a mean.
            texts = []
    return (unexplained, _Computed(rows=placed, texts=texts)) if any(texts) else None


def _chosen(aggregate: Aggregate, conditions: Conditions, table: Table) -> list[PlacedRow]:
    """The rows that meet the conditions; one that sums up the others only where no other does.

    It is none of them: "which team has the highest budget?" does not ask for the total.
    """
    met = [each for each in table.rows if conditions.hold_for(each)]
    own = [each for each in met if not each.row.is_total]
    return met if aggregate == "sum" and not own else own


def _count_unexplained(question: str, conditions: Conditions, table: Table) -> int | None:
    """How many words neither the table nor its names hold; None when the question says too much."""
    plain = " ".join(word for word in words(question) if word not in _MOST | _LEAST | _MONEY)
    stems = frozenset(content_stems(_SUM.sub(" ", _OFTEN.sub(" ", plain))))
    cells = " ".join(cell.value for placed in table.rows for cell in placed.row.cells)
    known = table.column_stems | conditions.stems
    known |= frozenset(content_stems(table.names)) | frozenset(content_stems(cells))
    count = sum(not _is_among(stem, known) for stem in stems)
    is_much = count > MAX_UNEXPLAINED or count > MAX_SHARE_UNEXPLAINED * len(stems)
    return None if is_much else count


def _extreme(
    question: str, aggregate: Literal["most", "least"], placed: Sequence[PlacedRow]
) -> _Computed | None:
    """The row, or rows, with the largest or smallest value of the column asked about."""
    column = _column(question, [each.row for each in placed], taken=frozenset())
    if column is None:
        return None
    values = [_value(each.row, column) for each in placed]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len({value.unit for value in known}) > 1:
        return None
    # What happens most often has the shortest time between.
    is_often = _OFTEN.search(question) is not None and known[0].unit == "period"
    choose = min if (aggregate == "least") != is_often else max
    wanted = choose(value.amount for value in known)
    best = [each for each, value in zip(placed, known, strict=True) if value.amount == wanted]
    return _Computed(rows=best, texts=[tell_row(each.row, [column]) for each in best])


def _value(row: Row, column: str) -> Value | None:
    cell = next((cell for cell in row.cells if cell.column == column), None)
    return None if cell is None else comparable(cell)


def _column(question: str, rows: Sequence[Row], *, taken: Collection[str]) -> str | None:
    """The one column of comparable values that the question is about; None when it may be two."""
    row = rows[0]
    cells = [
        cell
        for cell in row.cells
        if cell not in row.key and cell.column not in taken and comparable(cell) is not None
    ]
    asked = frozenset(words(question))
    if asked & _MONEY:
        cells = [cell for cell in cells if _is_measured_in(cell, ["money"])]
    scores = {cell.column: _share_named(cell.column, asked, question) for cell in cells}
    best = max(scores.values(), default=0.0)
    named = [cell for cell in cells if scores[cell.column] == best]
    if best == 0 and not asked & _MONEY:
        wanted = expected_answer(question).dimensions
        named = [cell for cell in cells if _is_measured_in(cell, wanted)]
    return named[0].column if len(named) == 1 else None


def _share_named(column: str, asked: frozenset[str], question: str) -> float:
    """How much of a column's name the question says."""
    stems = content_stems(column)
    known = frozenset(content_stems(question)) if stems else asked
    own = stems or words(column)
    held = [stem for stem in own if _is_among(stem, known)]
    # A year alone names no column.
    return len(held) / len(own) if any(not stem.isdigit() for stem in held) else 0.0


def _is_measured_in(cell: Cell, dimensions: Collection[str]) -> bool:
    measured = frozenset(f"{cell.unit} {cell.value}".casefold().split())
    return any(UNITS.get(each, frozenset()) & measured for each in dimensions)


def _is_among(stem: str, known: frozenset[str]) -> bool:
    if stem in known:
        return True
    return not any(map(str.isdigit, stem)) and any(is_like(stem, each) for each in known)
