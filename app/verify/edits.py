"""The edits by which a claim's sentence differs from its evidence, each kind found by one function.

Each takes a rule and what is compared, and yields the word at fault.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NotRequired, TypedDict

from app.claims import ReasonCode
from app.verify.marks import Alignment, Mark, Reading
from app.verify.numbers import Quantity, says
from app.verify.tokens import Token
from kb.text import word_set

MIN_SHARE: Final = 0.6
"""Of the claim's content words, that the sentence has which the claim is said to distort."""

MIN_TIGHT: Final = 0.75
"""The same where the words alone must show that both speak of one thing."""

GLUE: Final = word_set(
    "the a an its his her their our your this that these those is are was were be been being has "
    "have had by who which also may must shall should can could will would do does did der die das "
    "den dem ein eine einen einem einer wird werden wurde wurden hat haben le la les l un une des "
    "est sont a ont été el los las una fue es"
)
"""What may stand between a verb and what it is said of."""

PASSIVE: Final = word_set("by von durch par por")

UNIT_REACH: Final = 2
"""Tokens behind a number among which its unit stands."""

ARGUMENT_WORDS: Final = 3
"""Content words of one argument of a verb that are looked at."""

SMALL_COUNT: Final = 2
"""Up to it a number in words (`one`, `both`, `second`) is often no figure of the source."""

MIN_NAME_START: Final = 4
"""Letters that a place and its people share at least: `Kent`, `Kentish`."""


class Rule(TypedDict):
    """One entry of `vetoes.toml`; `evidence` and `claim` are names of marks of `group`."""

    id: str
    kind: str
    code: ReasonCode
    group: NotRequired[str]
    evidence: NotRequired[str]
    claim: NotRequired[str]
    excuse: NotRequired[list[str]]
    catches: Sequence[Mapping[str, str]]
    spares: Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A sentence of the claim beside all of its evidence; `best` has most of its words."""

    claim: Reading
    best: Alignment
    evidence: Sequence[Reading]
    background: Sequence[Reading]

    @property
    def is_close(self) -> bool:
        """True when the words show that the best sentence and the claim speak of one thing."""
        return self.best.share >= MIN_SHARE

    @cached_property
    def known(self) -> frozenset[str]:
        """All content keys and folded words of evidence and background."""
        readings = (*self.evidence, *self.background)
        keys = {key for reading in readings for key in reading.places}
        return frozenset(keys.union(*(reading.words for reading in readings)))

    def excused(self, rule: Rule) -> bool:
        """True when the claim itself has a word that says what the edit left out."""
        groups = rule.get("excuse", [])
        return any(f"{m.group}.{m.name}" in groups or m.group in groups for m in self.claim.marks)

    def is_told(self, group: str, name: str, key: str) -> bool:
        """True when some sentence of the evidence has this mark on this word."""
        return any(
            mark.group == group
            and mark.name == name
            and key in {r.tokens[i].key for i in mark.heads}
            for r in (*self.evidence, *self.background)
            for mark in r.marks
        )


# --- Marks ----------------------------------------------------------------------------------------


def replaced(rule: Rule, both: Compared) -> Iterator[str]:
    """A mark of the claim on a word that has another mark in the evidence."""
    if not both.is_close or _negations_differ(both) or both.excused(rule):
        return
    group, before, after = rule["group"], rule["evidence"], rule["claim"]
    for here, there in both.best.pairs.items():
        old, new = both.best.evidence.names_on(group, there), both.claim.names_on(group, here)
        if before in old and after in new and old.isdisjoint(new):
            key = both.claim.tokens[here].key
            if not both.is_told(group, after, key):
                yield both.claim.tokens[here].raw
    if group == "modal" and both.best.share >= MIN_TIGHT:
        old_all = {mark.name for mark in both.best.evidence.named(group)}
        new_all = {mark.name for mark in both.claim.named(group)}
        if (old_all, new_all) == ({before}, {after}):
            yield after


def dropped(rule: Rule, both: Compared) -> Iterator[str]:
    """A mark of the evidence on a word that the claim has without any mark of that group."""
    if not both.is_close or both.excused(rule):
        return
    group = rule["group"]
    for mark in both.best.evidence.marks:
        if mark.group not in {group, f"{group}_after"} or mark.name != rule["evidence"]:
            continue
        heads = [both.best.back[head] for head in mark.heads if head in both.best.back]
        if heads and not any(both.claim.names_on(group, head) for head in heads):
            yield _raw(both.best.evidence, mark)


def added(rule: Rule, both: Compared) -> Iterator[str]:
    """A mark of the claim where the evidence has nothing of the kind."""
    if not both.is_close:
        return
    groups = rule.get("excuse", [])
    readings = (*both.evidence, *both.background)
    if any(f"{m.group}.{m.name}" in groups or m.group in groups for r in readings for m in r.marks):
        return
    for mark in both.claim.named(rule["group"]):
        if mark.name == rule["claim"]:
            yield _raw(both.claim, mark)


def moved(rule: Rule, both: Compared) -> Iterator[str]:
    """A mark on another word than in the evidence, where both sides have both words."""
    if not both.is_close or _negations_differ(both):
        return
    ours, theirs = (
        [mark for mark in side.named(rule["group"]) if mark.name == rule["claim"]]
        for side in (both.claim, both.best.evidence)
    )
    here = {head for mark in ours for head in mark.heads}
    there = {head for mark in theirs for head in mark.heads}
    landed = {both.best.pairs[i] for i in here if i in both.best.pairs}
    left = {both.best.back[i] for i in there if i in both.best.back}
    if landed and left and landed.isdisjoint(there) and left.isdisjoint(here):
        yield _raw(both.claim, ours[0])


def condition(rule: Rule, both: Compared) -> Iterator[str]:
    """The evidence's condition on what the claim says, of which the claim has no word."""
    if not both.is_close or both.excused(rule):
        return
    evidence = both.best.evidence
    for mark in evidence.named(rule["group"]):
        clause = _condition_clause(evidence, mark)
        inside = [i for i in clause if evidence.tokens[i].is_content]
        told = sum(i in both.best.back for i in inside)
        if inside and told <= len(inside) / 3 and _limits_what_is_told(both, mark, clause):
            yield _raw(evidence, mark)


def _condition_clause(evidence: Reading, mark: Mark) -> range:
    end = mark.end
    while end < len(evidence.tokens) and not (
        evidence.tokens[end].kind == "mark" and evidence.tokens[end].key in ",;:.)("
    ):
        end += 1
    return range(mark.start, end)


def _limits_what_is_told(both: Compared, mark: Mark, clause: range) -> bool:
    """True when most of what the claim tells stands in the clause beside the condition."""
    evidence, told = both.best.evidence, both.best.back
    stops = [
        i
        for i, token in enumerate(evidence.tokens)
        if (token.kind == "mark" and token.key in ";:.") and i not in clause
    ]
    if mark.start == 0 or evidence.tokens[mark.start - 1].key == "\n":
        beside = range(
            clause.stop, min([i for i in stops if i > clause.stop], default=len(evidence.tokens))
        )
    else:
        start = max([i for i in stops if i < mark.start], default=-1) + 1
        beside = range(start, mark.start)
    inside = sum(i in told for i in beside)
    return inside > 0 and inside >= 0.8 * len(told)


def _raw(reading: Reading, mark: Mark) -> str:
    return " ".join(token.raw for token in reading.tokens[mark.start : mark.end])


def _negations_differ(both: Compared) -> bool:
    return len(both.claim.named("negation")) != len(both.best.evidence.named("negation"))


# --- Words ----------------------------------------------------------------------------------------


def excluded(_: Rule, both: Compared) -> Iterator[str]:
    """A word of the claim that shuts out the evidence's: `weekly` for `monthly`."""
    if not both.is_close:
        return
    ours, theirs = (side.sides(antonyms=False) for side in (both.claim, both.best.evidence))
    for number, sides in ours.items():
        for side, index in sides.items():
            elsewhere = any(
                side in r.sides(antonyms=False).get(number, {})
                for r in (*both.evidence, *both.background)
            )
            if (
                number in theirs
                and not elsewhere
                and both.claim.tokens[index].key not in both.known
            ):
                yield both.claim.tokens[index].raw


def unit(_: Rule, both: Compared) -> Iterator[str]:
    """A number with the unit of another one: `30 weeks` for `30 days`."""
    for here in both.claim.measures:
        mine = _units_behind(both.claim, here)
        theirs = [
            _units_behind(r, there)
            for r in both.evidence
            for there in r.measures
            if _says(r.tokens[there], both.claim.tokens[here])
        ]
        rivals = [units for units in theirs if units]
        if (
            mine
            and theirs
            and len(rivals) == len(theirs)
            and all(
                mine.isdisjoint(units) and {n for n, _ in mine} & {n for n, _ in units}
                for units in rivals
            )
        ):
            yield both.claim.tokens[here].raw


def _units_behind(reading: Reading, measure: int) -> frozenset[tuple[int, int]]:
    """The sets, and the sides in them, of the word behind a number."""
    found: list[tuple[int, int]] = []
    for number, sides in reading.sides(antonyms=False).items():
        found += [
            (number, side) for side, index in sides.items() if 0 < index - measure <= UNIT_REACH
        ]
    return frozenset(found)


def number_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A number or date of the claim that nothing of the evidence says, in any unit."""
    readings = (*both.evidence, *both.background)
    for here in both.claim.measures:
        token = both.claim.tokens[here]
        if _is_small_count(token):
            continue
        if not any(_says(r.tokens[i], token) for r in readings for i in r.measures):
            yield token.raw


def _is_small_count(token: Token) -> bool:
    """`one` and `first` count nothing that could be looked up."""
    return (
        isinstance(token.measure, Quantity)
        and token.raw.isalpha()
        and token.measure.value <= SMALL_COUNT
    )


def _says(evidence: Token, claim: Token) -> bool:
    return (
        evidence.measure is not None
        and claim.measure is not None
        and says(evidence.measure, claim.measure)
    )


def name_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A name that neither evidence nor background has, in any form."""
    for token in both.claim.tokens:
        if token.is_name and token.kind != "measure" and not _has_name(both, token):
            yield token.raw


def _has_name(both: Compared, token: Token) -> bool:
    bare = token.raw.casefold().replace("\u2019", "'").removesuffix("'s").replace(".", "")
    if token.key in both.known or bare in both.known:
        return True
    if len(bare) > MIN_NAME_START and any(
        word.startswith(bare[:MIN_NAME_START]) for word in both.known
    ):
        return True
    return token.raw.isupper() and bare in _initials(both)


def _initials(both: Compared) -> str:
    readings = (*both.evidence, *both.background)
    return " ".join("".join(word[0] for word in r.words if word) for r in readings)


def belongs(_: Rule, both: Compared) -> Iterator[str]:
    """A number or name that the evidence has in a clause of another one: `Bonn 5` for `Bonn 7`."""
    clauses = [clause for reading in both.evidence for clause in _clauses_of(reading)]
    for here in both.claim.content:
        token = both.claim.tokens[here]
        if token.measure is None:
            continue
        mine = [c for c in clauses if any(_says(t, token) for t in c)]
        others = [
            c
            for c in clauses
            if c not in mine
            and any(t.measure is not None and t.measure.kind == token.measure.kind for t in c)
        ]
        if not mine or not others:
            continue
        mine_keys = {t.key for c in mine for t in c}
        other_keys = {t.key for c in others for t in c}
        beside = {
            both.claim.tokens[i].key
            for i in both.claim.content
            if both.claim.clauses[i] == both.claim.clauses[here]
            and both.claim.tokens[i].measure is None
        }
        if beside & (other_keys - mine_keys) and not beside & (mine_keys - other_keys):
            yield token.raw


def _clauses_of(reading: Reading) -> list[list[Token]]:
    found: dict[int, list[Token]] = {}
    for index in reading.content:
        found.setdefault(reading.clauses[index], []).append(reading.tokens[index])
    return list(found.values())


# --- Whole sentences ------------------------------------------------------------------------------


def polarity(rule: Rule, both: Compared) -> Iterator[str]:
    """A statement turned round: an odd number of negations and opposites sets the two apart."""
    opposites = list(_opposites(both))
    told = len(both.best.pairs) + len(opposites)
    if told < MIN_TIGHT * len(both.claim.content):
        return
    ours = both.claim.named("negation")
    theirs = both.best.evidence.named("negation")
    if len(ours) == len(theirs) and not opposites:
        return
    theirs = [mark for mark in theirs if _concerns(both, mark)]
    if (len(ours) + len(theirs) + len(opposites)) % 2 == 0:
        return
    kind = (
        "opposite_word"
        if opposites
        else "negation_added"
        if len(ours) > len(theirs)
        else "negation_dropped"
    )
    if kind != rule["code"]:
        return
    if opposites:
        yield opposites[0]
    elif len(ours) > len(theirs):
        if any(i in both.best.pairs for i in ours[-1].heads):
            yield _raw(both.claim, ours[-1])
    else:
        yield _raw(both.best.evidence, theirs[-1])


def _concerns(both: Compared, mark: Mark) -> bool:
    """True when the claim tells what this negation of the evidence stands before."""
    evidence, back = both.best.evidence, both.best.back
    if not any(head in back for head in mark.heads):
        return False
    clause = evidence.clauses[mark.start]
    inside = sum(evidence.clauses[i] == clause for i in back)
    return inside * 2 >= len(back)


def _opposites(both: Compared) -> Iterator[str]:
    ours, theirs = (side.sides(antonyms=True) for side in (both.claim, both.best.evidence))
    seen: set[int] = set()
    for number, sides in ours.items():
        rivals = theirs.get(number, {})
        for side, index in sides.items():
            if rivals and side not in rivals and index not in seen and len(sides) == 1:
                seen.add(index)
                yield both.claim.tokens[index].raw


def turned(_: Rule, both: Compared) -> Iterator[str]:
    """What did it and what it was done to have changed places about the same verb."""
    for verb, there in both.best.pairs.items():
        before, after, is_passive = _arguments(both.claim, verb)
        their_before, their_after, their_passive = _arguments(both.best.evidence, there)
        if is_passive != their_passive:
            their_before, their_after = their_after, their_before
        if _meet(both, before, their_after) and _meet(both, after, their_before):
            yield both.claim.tokens[verb].raw


def _meet(both: Compared, here: Sequence[int], there: Sequence[int]) -> bool:
    return any(both.best.pairs.get(i) in there for i in here)


def _arguments(reading: Reading, verb: int) -> tuple[list[int], list[int], bool]:
    """The content tokens right before and right after, and whether `by` stands behind."""
    before, _ = _run(reading, range(verb - 1, -1, -1))
    after, glue = _run(reading, range(verb + 1, len(reading.tokens)))
    return before, after, not PASSIVE.isdisjoint(glue)


def _run(reading: Reading, places: range) -> tuple[list[int], set[str]]:
    found: list[int] = []
    glue: set[str] = set()
    for index in places:
        word, token = reading.words[index], reading.tokens[index]
        if token.is_content and token.measure is None and len(found) < ARGUMENT_WORDS:
            found.append(index)
        elif word in GLUE or word in PASSIVE:
            if word in PASSIVE and found:
                break
            glue.add(word)
        else:
            break
    return found, glue


EDITS: Final[Mapping[str, Callable[[Rule, Compared], Iterator[str]]]] = {
    "replaced": replaced,
    "dropped": dropped,
    "added": added,
    "moved": moved,
    "condition": condition,
    "excluded": excluded,
    "unit": unit,
    "number_missing": number_missing,
    "name_missing": name_missing,
    "belongs": belongs,
    "polarity": polarity,
    "turned": turned,
}
