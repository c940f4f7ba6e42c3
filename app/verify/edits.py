"""Edits of the small words that do something to others: bounds, modals, quantifiers, conditions.

Each function takes a rule and what is compared, and yields the words at fault.
"""

from collections.abc import Iterator

from app.verify.compared import MIN_TIGHT, Compared, Rule
from language.reading import Mark, Reading


def replaced(rule: Rule, both: Compared) -> Iterator[str]:
    """A mark of the claim on a word that has another mark in the evidence."""
    if not both.is_close or _negations_differ(both) or both.excused(rule):
        return
    group = rule["group"]
    for here, there in both.best.pairs.items():
        old, new = both.best.evidence.names_on(group, there), both.claim.names_on(group, here)
        token = both.claim.tokens[here]
        if old.isdisjoint(new) and any(
            before in old and after in new and not both.is_told(group, after, token.key)
            for before, after in rule["exchanges"]
        ):
            yield token.raw
    if group == "modal" and both.best.share >= MIN_TIGHT:
        old_all = {mark.name for mark in both.best.evidence.named(group)}
        new_all = {mark.name for mark in both.claim.named(group)}
        if [*old_all, *new_all] in rule["exchanges"]:
            yield from new_all


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
            yield raw_of(both.best.evidence, mark)


def added(rule: Rule, both: Compared) -> Iterator[str]:
    """A mark of the claim where the evidence has nothing of the kind."""
    if not both.is_close:
        return
    groups = rule.get("excuse", [])
    readings = both.around
    if any(f"{m.group}.{m.name}" in groups or m.group in groups for r in readings for m in r.marks):
        return
    for mark in both.claim.named(rule["group"]):
        if mark.name == rule["claim"]:
            yield raw_of(both.claim, mark)


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
            yield raw_of(evidence, mark)


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


def raw_of(reading: Reading, mark: Mark) -> str:
    """The mark as the sentence writes it."""
    return " ".join(token.raw for token in reading.tokens[mark.start : mark.end])


def _negations_differ(both: Compared) -> bool:
    return len(both.claim.named("negation")) != len(both.best.evidence.named("negation"))
