"""Vetoes claims in other words: an edit that a rule forbids, whatever a reader says.

Stages: read claim and evidence sentence by sentence (`language.reading`), align each sentence of
the claim with the evidence that has most of its words (`compared`), and ask each rule of
`vetoes.toml` for its edits (`edits`). A veto needs a sign in the words themselves; that none is
found proves nothing.
"""

import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, assert_never, cast

from app.answering.claims import Reason
from app.answering.verify import edits
from app.answering.verify.compared import Compared, Rule, align
from language.reading import read_sentence
from language.sentences import bounded_sentences

RULES_FILE: Final = Path(__file__).with_name("vetoes.toml")


class Veto(NamedTuple):
    """The rule that speaks, and the word at fault."""

    rule: Rule
    detail: str


@lru_cache(maxsize=1)
def rules() -> Sequence[Rule]:
    """All rules, in the order of their file."""
    with RULES_FILE.open("rb") as file:
        # The file is part of the package, and a test reads every field.
        return cast("Sequence[Rule]", tomllib.load(file)["rule"])


def find_vetoes(
    claim: str, evidence: str, *, background: str = "", is_rows: bool = False
) -> tuple[Reason, ...]:
    """The reasons why the evidence does not say the claim, as far as words show; () without any.

    Args:
        claim: one or more sentences.
        evidence: the whole sentences quoted.
        background: title, headings, table header, the sentence before. It may know numbers and
            names, and nothing else is compared with it.
        is_rows: the evidence is rows of tables alone, whose numbers are checked by `cells`.
    """
    found = explain_vetoes(claim, evidence, background=background)
    if is_rows:
        found = [veto for veto in found if not veto.rule.get("is_of_cells")]
    return tuple(dict.fromkeys(Reason(code=rule["code"], detail=detail) for rule, detail in found))


def explain_vetoes(claim: str, evidence: str, *, background: str = "") -> list[Veto]:
    """The vetoes of `find_vetoes` with their rules."""
    sentences, readings, around = (
        [read_sentence(text[start:end]) for start, end in bounded_sentences(text)]
        for text in (claim, evidence, background)
    )
    if not readings:
        return []
    found: list[Veto] = []
    for sentence in sentences:
        best = max((align(sentence, each) for each in readings), key=lambda each: each.share)
        both = Compared(claim=sentence, best=best, evidence=readings, background=around)
        for rule in rules():
            found += [Veto(rule, detail) for detail in _find_edits(rule, both)]
    return found


def _find_edits(rule: Rule, both: Compared) -> Iterator[str]:
    """The words at fault by the rule's kind of edit."""
    match rule["kind"]:
        case "changed":
            yield from edits.changed(rule, both)
        case "condition":
            yield from edits.condition(rule, both)
        case "excluded":
            yield from edits.excluded(rule, both)
        case "number_missing":
            yield from edits.number_missing(rule, both)
        case "unit":
            yield from edits.unit(rule, both)
        case "belongs":
            yield from edits.belongs(rule, both)
        case "name_missing":
            yield from edits.name_missing(rule, both)
        case "polarity":
            yield from edits.polarity(rule, both)
        case _:
            assert_never(rule["kind"])
