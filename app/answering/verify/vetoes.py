"""What speaks against a claim that was read as supported: an edit that a rule forbids.

Stages: read claim and evidence sentence by sentence, lay each sentence of the claim on the evidence
that has most of its words, and look its edits up in `vetoes.toml`. A veto needs a sign in the words
themselves; where none is found nothing is proved.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, cast

from app.answering.claims import Reason
from app.answering.verify import edits
from app.answering.verify.compared import Compared, Rule, align
from language.reading import Reading, read_sentence
from language.sentences import bounded_sentences

EDITS: Final[Mapping[str, Callable[[Rule, Compared], Iterator[str]]]] = {
    each.__name__: each
    for each in (
        edits.changed,
        edits.condition,
        edits.excluded,
        edits.number_missing,
        edits.unit,
        edits.belongs,
        edits.name_missing,
        edits.polarity,
    )
}
"""What finds each kind of edit."""

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
    """Why the evidence does not say the claim, as far as words show; empty when nothing is found.

    `evidence` are the whole sentences quoted; `background` (title, headings, table header, the
    sentence before) may know numbers and names, and nothing else is compared with it. `is_rows`:
    the evidence is rows of tables alone, whose numbers are checked by cells.
    """
    found = explain_vetoes(claim, evidence, background=background)
    if is_rows:
        found = [veto for veto in found if not veto.rule.get("is_of_cells")]
    return tuple(dict.fromkeys(Reason(code=rule["code"], detail=detail) for rule, detail in found))


def explain_vetoes(claim: str, evidence: str, *, background: str = "") -> list[Veto]:
    """The same with the rules that speak."""
    readings, around = list(_readings(evidence)), list(_readings(background))
    if not readings:
        return []
    found: list[Veto] = []
    for sentence in _readings(claim):
        best = max((align(sentence, each) for each in readings), key=lambda each: each.share)
        both = Compared(claim=sentence, best=best, evidence=readings, background=around)
        for rule in rules():
            found += [Veto(rule, detail) for detail in EDITS[rule["kind"]](rule, both)]
    return found


def _readings(text: str) -> Iterator[Reading]:
    return (read_sentence(text[start:end]) for start, end in bounded_sentences(text))
