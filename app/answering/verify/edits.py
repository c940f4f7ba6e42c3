"""Finds edits that make another statement of what the evidence says.

Each function takes a rule and the claim beside its evidence, and yields the words at fault.
"""

from collections.abc import Iterator
from typing import Final

from app.answering.verify.compared import MIN_TIGHT, Compared, Rule
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
        here, there, pairs = (
            (claim, evidence, both.best.pairs) if after else (evidence, claim, both.best.back)
        )
        wanted, replaced = (after, before) if after else (before, after)
        for mark in here.marks:
            if mark.group not in {group, f"{group}_after"} or mark.name != wanted:
                continue
            heads = [pairs[head] for head in mark.heads if head in pairs]
            names = {name for head in heads for name in there.names_on(group, head)}
            if heads and (replaced in names if replaced else not names) and wanted not in names:
                yield raw_of(here, mark)


def condition(rule: Rule, both: Compared) -> Iterator[str]:
    """The evidence's condition on what the claim says, of which the claim has no word."""
    if not both.is_close or both.is_excused(rule):
        return
    evidence, shared = both.best.evidence, both.best.back
    tokens = evidence.tokens
    marks = [i for i, token in enumerate(tokens) if token.kind == "mark"]
    for mark in evidence.named(rule["group"]):
        ends = (i for i in marks if i >= mark.end and tokens[i].key in ",;:.)(")
        clause = range(mark.start, next(ends, len(tokens)))
        inside = [index for index in clause if tokens[index].is_content]
        if not inside or any(index in shared for index in inside):
            continue

        # It limits the claim when most of what the two share stands in the clause beside it.
        stops = [i for i in marks if tokens[i].key in ";:." and i not in clause]
        if mark.start == 0 or tokens[mark.start - 1].key == "\n":
            after = [i for i in stops if i > clause.stop]
            beside = range(clause.stop, min(after, default=len(tokens)))
        else:
            before = [i for i in stops if i < mark.start]
            beside = range(max(before, default=-1) + 1, mark.start)
        shared_count = sum(i in shared for i in beside)
        if shared_count and shared_count >= 0.8 * len(shared):
            yield raw_of(evidence, mark)


def excluded(_: Rule, both: Compared) -> Iterator[str]:
    """A word of the claim that excludes the evidence's: `weekly` for `monthly`."""
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
        if not any(r.tokens[i].says(token) for r in both.around for i in r.measures):
            yield token.raw


def unit(rule: Rule, both: Compared) -> Iterator[str]:
    """A number with the unit of another one: `30 weeks` for `30 days`."""
    for here in both.claim.measures:
        mine = both.claim.names_on(rule["group"], here)
        theirs = [
            reading.names_on(rule["group"], there)
            for reading in both.evidence
            for there in reading.measures
            if reading.tokens[there].says(both.claim.tokens[here])
        ]
        if mine and theirs and all(units and units.isdisjoint(mine) for units in theirs):
            yield both.claim.tokens[here].raw


def belongs(_: Rule, both: Compared) -> Iterator[str]:
    """A number that the evidence has in a clause of another one: `Bonn 5` for `Bonn 7`."""
    clauses: dict[tuple[int, int], list[Token]] = {}
    for number, reading in enumerate(both.evidence):
        for index in reading.content:
            clauses.setdefault((number, reading.clauses[index]), []).append(reading.tokens[index])
    claim = both.claim
    for here in claim.measures:
        claimed = claim.tokens[here]
        kind = claimed.measure.kind if claimed.measure is not None else None
        mine_keys: set[str] = set()
        other_keys: set[str] = set()
        for tokens in clauses.values():
            if any(token.says(claimed) for token in tokens):
                mine_keys.update(token.key for token in tokens)
            elif kind in {token.measure.kind for token in tokens if token.measure is not None}:
                other_keys.update(token.key for token in tokens)
        beside = {
            claim.tokens[index].key
            for index in claim.content
            if claim.clauses[index] == claim.clauses[here] and index not in claim.measures
        }
        if (
            mine_keys
            and beside & (other_keys - mine_keys)
            and not beside & (mine_keys - other_keys)
        ):
            yield claimed.raw


def name_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A name that neither evidence nor background has, in any form.

    Of a name of several words most are enough: `Richard Milhous Nixon` is Richard Nixon.
    """
    for run in both.claim.names:
        strange: list[Token] = []
        for index in run:
            token = both.claim.tokens[index]
            start = token.key[:MIN_NAME_START]
            is_long = len(token.key) > MIN_NAME_START
            is_known = token.key in both.known or (
                is_long and any(word.startswith(start) for word in both.known)
            )
            if not is_known:
                strange.append(token)
        if 2 * len(strange) >= len(run):
            yield from (token.raw for token in strange)


# --- Whole sentences ------------------------------------------------------------------------------


def polarity(rule: Rule, both: Compared) -> Iterator[str]:
    """A statement turned round: an odd number of negations and opposites sets the two apart."""
    claim, evidence = both.claim, both.best.evidence
    opposites = [
        claim.tokens[index].raw
        for number, sides in claim.antonyms.items()
        for side, index in sides.items()
        if (rivals := evidence.antonyms.get(number)) and side not in rivals and len(sides) == 1
    ]
    if len(both.best.pairs) + len(opposites) < MIN_TIGHT * len(claim.content):
        return
    ours, theirs = claim.named("negation"), evidence.named("negation")
    if len(ours) != len(theirs):
        # Of the evidence's those count that stand before something that the claim says too.
        back, clauses = both.best.back, evidence.clauses
        theirs = [
            mark
            for mark in theirs
            if any(head in back for head in mark.heads)
            and 2 * sum(clauses[i] == clauses[mark.start] for i in back) >= len(back)
        ]
    if (len(ours) + len(theirs) + len(opposites)) % 2 == 0:
        return
    if opposites:
        found = ("opposite_word", opposites[0])
    elif len(ours) > len(theirs):
        found = ("negation_added", raw_of(claim, ours[-1]))
    else:
        found = ("negation_dropped", raw_of(evidence, theirs[-1]))
    if found[0] == rule["code"]:
        yield found[1]


def raw_of(reading: Reading, mark: Mark) -> str:
    """The mark as the sentence writes it."""
    return " ".join(token.raw for token in reading.tokens[mark.start : mark.end])
