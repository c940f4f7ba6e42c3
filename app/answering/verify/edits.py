"""Edits that make another statement of what the evidence says.

Each function takes a rule and what is compared, and yields the words at fault.
"""

from collections.abc import Iterator
from typing import Final

from app.answering.verify.compared import MIN_TIGHT, Compared, Rule
from language.numbers import says
from language.reading import Mark, Reading
from language.tokens import Token

MIN_NAME_START: Final = 4
"""Letters that a place and its people share at least: `Kent`, `Kentish`."""


def changed(rule: Rule, both: Compared) -> Iterator[str]:
    """A small word exchanged, left out or added, on words that claim and evidence share.

    Each pair of `exchanges` has the evidence's mark and the claim's in its place, "" for none.
    """
    if not both.is_close or both.is_excused(rule):
        return
    group = rule["group"]
    claim, evidence = both.claim, both.best.evidence
    for before, after in rule["exchanges"]:
        told, other, pairs = (
            (claim, evidence, both.best.pairs) if after else (evidence, claim, both.best.back)
        )
        wanted, replaced = (after, before) if after else (before, after)
        for mark in told.marks:
            if mark.group not in {group, f"{group}_after"} or mark.name != wanted:
                continue
            heads = [pairs[head] for head in mark.heads if head in pairs]
            there = {name for head in heads for name in other.names_on(group, head)}
            if heads and (replaced in there if replaced else not there) and wanted not in there:
                yield raw_of(told, mark)


def condition(rule: Rule, both: Compared) -> Iterator[str]:
    """The evidence's condition on what the claim says, of which the claim has no word."""
    if not both.is_close or both.is_excused(rule):
        return
    evidence = both.best.evidence
    for mark in evidence.named(rule["group"]):
        clause = _clause_from(evidence, mark)
        inside = [index for index in clause if evidence.tokens[index].is_content]
        is_told = any(index in both.best.back for index in inside)
        if inside and not is_told and _limits_what_is_told(both, mark, clause):
            yield raw_of(evidence, mark)


def _clause_from(evidence: Reading, mark: Mark) -> range:
    end = mark.end
    while end < len(evidence.tokens) and not _is_mark(evidence.tokens[end], ",;:.)("):
        end += 1
    return range(mark.start, end)


def _limits_what_is_told(both: Compared, mark: Mark, clause: range) -> bool:
    """True when most of what the claim tells stands in the clause beside the condition."""
    tokens, told = both.best.evidence.tokens, both.best.back
    stops = [i for i, token in enumerate(tokens) if _is_mark(token, ";:.") and i not in clause]
    if mark.start == 0 or tokens[mark.start - 1].key == "\n":
        beside = range(clause.stop, min([i for i in stops if i > clause.stop], default=len(tokens)))
    else:
        beside = range(max([i for i in stops if i < mark.start], default=-1) + 1, mark.start)
    inside = sum(i in told for i in beside)
    return inside > 0 and inside >= 0.8 * len(told)


def _is_mark(token: Token, marks: str) -> bool:
    return token.kind == "mark" and token.key in marks


def excluded(_: Rule, both: Compared) -> Iterator[str]:
    """A word of the claim that shuts out the evidence's: `weekly` for `monthly`."""
    if not both.is_close:
        return
    theirs = both.best.evidence.exclusive
    for number, sides in both.claim.exclusive.items():
        for side, index in sides.items():
            is_known = both.claim.tokens[index].key in both.known or any(
                side in reading.exclusive.get(number, {}) for reading in both.around
            )
            if number in theirs and not is_known:
                yield both.claim.tokens[index].raw


# --- Numbers and names ----------------------------------------------------------------------------


def number_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A number or date of the claim that nothing of the evidence says."""
    for here in both.claim.measures:
        token = both.claim.tokens[here]
        if not any(_says(r.tokens[i], token) for r in both.around for i in r.measures):
            yield token.raw


def unit(rule: Rule, both: Compared) -> Iterator[str]:
    """A number with the unit of another one: `30 weeks` for `30 days`."""
    for here in both.claim.measures:
        mine = both.claim.names_on(rule["group"], here)
        theirs = [
            reading.names_on(rule["group"], there)
            for reading in both.evidence
            for there in reading.measures
            if _says(reading.tokens[there], both.claim.tokens[here])
        ]
        if mine and theirs and all(units and units.isdisjoint(mine) for units in theirs):
            yield both.claim.tokens[here].raw


def belongs(_: Rule, both: Compared) -> Iterator[str]:
    """A number that the evidence has in a clause of another one: `Bonn 5` for `Bonn 7`."""
    clauses = [clause for reading in both.evidence for clause in _clauses_of(reading)]
    for here in both.claim.measures:
        token = both.claim.tokens[here]
        mine = [c for c in clauses if any(_says(t, token) for t in c)]
        others = [c for c in clauses if c not in mine and any(_is_rival(t, token) for t in c)]
        mine_keys = {t.key for c in mine for t in c}
        other_keys = {t.key for c in others for t in c}
        clause = both.claim.clauses[here]
        beside = {
            both.claim.tokens[i].key
            for i in both.claim.content
            if both.claim.clauses[i] == clause and i not in both.claim.measures
        }
        if mine and beside & (other_keys - mine_keys) and not beside & (mine_keys - other_keys):
            yield token.raw


def _says(evidence: Token, claim: Token) -> bool:
    return (
        evidence.measure is not None
        and claim.measure is not None
        and says(evidence.measure, claim.measure)
    )


def _is_rival(token: Token, claimed: Token) -> bool:
    return (
        token.measure is not None
        and claimed.measure is not None
        and token.measure.kind == claimed.measure.kind
    )


def _clauses_of(reading: Reading) -> list[list[Token]]:
    found: dict[int, list[Token]] = {}
    for index in reading.content:
        found.setdefault(reading.clauses[index], []).append(reading.tokens[index])
    return list(found.values())


def name_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A name that neither evidence nor background has, in any form.

    Of a name of several words most are enough: `Richard Milhous Nixon` is Richard Nixon.
    """
    for run in both.claim.names:
        strange = [i for i in run if not _is_known(both, both.claim.tokens[i].key)]
        if 2 * len(strange) >= len(run):
            yield from (both.claim.tokens[index].raw for index in strange)


def _is_known(both: Compared, name: str) -> bool:
    start = name[:MIN_NAME_START]
    is_long = len(name) > MIN_NAME_START
    return name in both.known or (is_long and any(word.startswith(start) for word in both.known))


# --- Whole sentences ------------------------------------------------------------------------------


def polarity(rule: Rule, both: Compared) -> Iterator[str]:
    """A statement turned round: an odd number of negations and opposites sets the two apart."""
    opposites = list(_opposites(both))
    if len(both.best.pairs) + len(opposites) < MIN_TIGHT * len(both.claim.content):
        return
    ours = both.claim.named("negation")
    theirs = both.best.evidence.named("negation")
    if len(ours) != len(theirs):
        theirs = [mark for mark in theirs if _concerns(both, mark)]
    if (len(ours) + len(theirs) + len(opposites)) % 2 == 0:
        return
    if opposites:
        found = ("opposite_word", opposites[0])
    elif len(ours) > len(theirs):
        found = ("negation_added", raw_of(both.claim, ours[-1]))
    else:
        found = ("negation_dropped", raw_of(both.best.evidence, theirs[-1]))
    if found[0] == rule["code"]:
        yield found[1]


def _concerns(both: Compared, mark: Mark) -> bool:
    """True when the claim tells what this negation of the evidence stands before."""
    evidence, back = both.best.evidence, both.best.back
    clause = evidence.clauses[mark.start]
    inside = sum(evidence.clauses[i] == clause for i in back)
    return any(head in back for head in mark.heads) and inside * 2 >= len(back)


def _opposites(both: Compared) -> Iterator[str]:
    ours, theirs = (side.antonyms for side in (both.claim, both.best.evidence))
    for number, sides in ours.items():
        rivals = theirs.get(number, {})
        for side, index in sides.items():
            if rivals and side not in rivals and len(sides) == 1:
                yield both.claim.tokens[index].raw


def raw_of(reading: Reading, mark: Mark) -> str:
    """The mark as the sentence writes it."""
    return " ".join(token.raw for token in reading.tokens[mark.start : mark.end])
