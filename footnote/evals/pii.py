"""Recall and precision of finding personal data."""

from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Final, TypedDict, cast

from footnote.evals.halves import held_back_lines
from language.personal_data import KINDS, PersonalKind, personal_spans

KIND_BY_TYPE: Final[dict[str, PersonalKind]] = {
    "EMAIL_ADDRESS": "email",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "credit_card",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
}
"""The types of the set that have a form of their own; the others need a trained model."""


class _Span(TypedDict):
    start: int
    end: int
    type: str


class _Line(TypedDict):
    id: str
    text: str
    spans: list[_Span]


class KindFigures(TypedDict):
    """`found` of `present`, and `wrong` ones beside; by overlap of the spans."""

    present: int
    found: int
    wrong: int
    precision: float
    recall: float


class PiiReport(TypedDict):
    """On the half of the set that no pattern was written for; `out_of_reach` counts spans."""

    texts: int
    microseconds_a_text: float
    kinds: dict[str, KindFigures]
    out_of_reach: dict[str, int]


def measure_pii(evaldata: Path) -> PiiReport:
    """The report; a second. Misconfigured when the set is absent."""
    present: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    out_of_reach: Counter[str] = Counter()
    path = evaldata / "pii" / "pii.jsonl.gz"
    lines = [cast("_Line", line) for line in held_back_lines(path, "id")]
    seconds = 0.0
    for line in lines:
        started = perf_counter()
        spans = personal_spans(line["text"])
        seconds += perf_counter() - started
        gold = [
            (each["start"], each["end"], KIND_BY_TYPE[each["type"]])
            for each in line["spans"]
            if each["type"] in KIND_BY_TYPE
        ]
        out_of_reach.update(
            each["type"] for each in line["spans"] if each["type"] not in KIND_BY_TYPE
        )
        got = [(span.start, span.end, span.kind) for span in spans]
        present.update(kind for _, _, kind in gold)
        found.update(each[2] for each in gold if any(_same(each, other) for other in got))
        wrong.update(each[2] for each in got if not any(_same(each, other) for other in gold))
    return PiiReport(
        texts=len(lines),
        microseconds_a_text=round(seconds / max(1, len(lines)) * 1e6, 1),
        kinds={
            kind: KindFigures(
                present=present[kind],
                found=found[kind],
                wrong=wrong[kind],
                precision=round(found[kind] / max(1, found[kind] + wrong[kind]), 4),
                recall=round(found[kind] / max(1, present[kind]), 4),
            )
            for kind in KINDS
        },
        out_of_reach=dict(out_of_reach.most_common()),
    )


def _same(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[2] == other[2] and one[0] < other[1] and other[0] < one[1]
