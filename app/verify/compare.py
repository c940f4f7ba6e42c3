"""One claim against the sentences of its quotes: what is wrong, and how much is covered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.claims import Reason, ReasonCode
from app.verify.alignment import check_alignment
from app.verify.claim_text import is_claim, parts_of, statements_of
from app.verify.conditions import check_attribution, check_cause, check_condition
from app.verify.coverage import (
    MIN_COVERAGE,
    Held,
    check_coverage,
    coverage_of,
    held_by,
    words_held,
)
from app.verify.evidence import has_labels
from app.verify.names import check_names
from app.verify.negation import check_negation
from app.verify.number_slots import check_numbers
from app.verify.opposites import check_opposites
from app.verify.pairing import check_pairing
from app.verify.pieces import pieces
from app.verify.profiles import Profile, fitted_profiles
from app.verify.statement import Statement
from app.verify.subjects import check_subject
from app.verify.wording import check_wording

FactCheck = Literal["numbers", "names", "negation", "coverage"]

_CHECKS: Final[Sequence[Callable[[Statement, Statement], Reason | None]]] = (
    check_numbers,
    check_names,
    check_negation,
    check_opposites,
    check_alignment,
    check_subject,
    check_pairing,
    check_condition,
    check_cause,
    check_attribution,
)
CHECK_BY_REASON: Final[dict[ReasonCode, FactCheck]] = {
    "number_missing": "numbers",
    "number_moved": "numbers",
    "name_missing": "names",
    "name_moved": "names",
    "negation_added": "negation",
    "negation_dropped": "negation",
    "opposite_word": "negation",
    "stronger_word": "negation",
    "coverage_low": "coverage",
    "word_changed": "coverage",
    "polarity_unknown": "negation",
}
CONTRADICTING: Final = frozenset({"negation_added", "negation_dropped", "opposite_word"})
ABOUT_NUMBERS: Final = frozenset({"number_missing", "number_moved", "coverage_low"})


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was found; `used` are the positions of the statements that it was found in."""

    coverage: float
    reasons: tuple[Reason, ...]
    used: frozenset[int]
    words_held: float = 1.0
    """Share of the content words besides numbers that are held."""

    @property
    def is_supported(self) -> bool:
        """True when nothing is wrong."""
        return not self.reasons

    @property
    def is_contradicted(self) -> bool:
        """True when the evidence speaks of the same thing and says otherwise."""
        codes = {reason.code for reason in self.reasons}
        if codes & CONTRADICTING:
            return self.coverage >= MIN_COVERAGE
        is_number = "number_missing" in codes and codes <= ABOUT_NUMBERS
        return is_number and self.words_held >= MIN_COVERAGE


SUPPORTED: Final = Comparison(coverage=1.0, reasons=(), used=frozenset())


def compare(claim: str, evidence: Sequence[Statement], needs: Profile | None = None) -> Comparison:
    """The claim, sentence by sentence, against the best of the evidence's sentences.

    Evidence is never pooled: words of two sentences together can say what neither says. A sentence
    of the claim that no single one supports is divided into clauses that can stand alone. `needs`
    unset: those of the balanced profile.
    """
    needs = needs or fitted_profiles()["profiles"]["balanced"]
    a_is_name = any(
        has_labels(" ".join(token.raw for token in statement.tokens)) for statement in evidence
    )
    units = [claim[start:end] for start, end in pieces(claim)]
    # What says nothing beside other sentences (`Yes!`) needs no proof.
    units = [unit for unit in units if is_claim(unit)] or units
    return _together([_compare_unit(unit, evidence, needs, a_is_name=a_is_name) for unit in units])


def _compare_unit(
    unit: str, evidence: Sequence[Statement], needs: Profile, *, a_is_name: bool
) -> Comparison:
    whole = _together(
        [
            _best(statement, evidence, needs)
            for statement in statements_of(unit, a_is_name=a_is_name)
        ]
    )
    if whole.is_supported:
        return whole
    parts = parts_of(unit, a_is_name=a_is_name)
    if len(parts) == 1:
        return whole
    divided = _together([_best(part, evidence, needs) for part in parts])
    return divided if divided.is_supported else whole


def _best(claim: Statement, evidence: Sequence[Statement], needs: Profile) -> Comparison:
    held = [held_by(claim, statement) for statement in evidence]
    most = max(coverage_of(claim, each) for each in held)
    # Checks cost most of the time: only a sentence that holds enough, or most, can be the best.
    enough = min(needs["min_coverage"], most)
    return max(
        (
            _compare_sentence(claim, (index, evidence[index]), each, needs)
            for index, each in enumerate(held)
            if coverage_of(claim, each) >= enough
        ),
        key=lambda comparison: (
            comparison.is_supported,
            comparison.coverage,
            -len(comparison.reasons),
        ),
    )


def _compare_sentence(
    claim: Statement, placed: tuple[int, Statement], held: Held, needs: Profile
) -> Comparison:
    index, evidence = placed
    found = [check(claim, evidence) for check in _CHECKS]
    found.append(check_coverage(claim, held, needs["min_coverage"]))
    if needs["is_word_checked"]:
        found.append(check_wording(claim, evidence))
    return Comparison(
        coverage=coverage_of(claim, held),
        reasons=tuple(reason for reason in found if reason is not None),
        used=frozenset({index}),
        words_held=words_held(claim, held),
    )


def _together(comparisons: Sequence[Comparison]) -> Comparison:
    return Comparison(
        coverage=min(comparison.coverage for comparison in comparisons),
        reasons=tuple(
            dict.fromkeys(reason for comparison in comparisons for reason in comparison.reasons)
        ),
        used=frozenset().union(*(comparison.used for comparison in comparisons)),
        words_held=min(comparison.words_held for comparison in comparisons),
    )
