"""Which row or column each value of a sentence belongs to, by where they are named in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

Named = frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Event:
    """At `position` something is named, a value stands, or one statement ends."""

    kind: Literal["mention", "value", "divider"]
    position: int
    named: Named = frozenset()


@dataclass(frozen=True, kw_only=True)
class _Clause:
    mentions: tuple[Named, ...]
    values: tuple[int, ...]


def labels_of(events: Sequence[Event], *, is_inherited: bool) -> dict[int, Named]:
    """What each value belongs to, by its position; values that nothing is named for are left out.

    `is_inherited`: a statement that names nothing goes on with what was named last, as a sentence
    does with its subject.
    """
    clauses = _clauses(events)
    listed = _listed(clauses, events)
    if listed:
        return listed
    labels: dict[int, Named] = {}
    open_mention: Named | None = None
    waiting: tuple[int, ...] = ()
    first = next((mention for clause in clauses for mention in clause.mentions), None)
    for clause in clauses:
        if clause.mentions:
            # "8 (seats)": what was told before it was named.
            named_late = dict.fromkeys(waiting, clause.mentions[0]) if not clause.values else {}
            labels |= named_late or _within(clause)
            is_open = is_inherited or not (clause.values or named_late)
            open_mention, waiting = (clause.mentions[-1] if is_open else None), ()
            continue
        named = open_mention or (first if is_inherited else None)
        labels |= dict.fromkeys(clause.values, named) if named else {}
        waiting = () if named else clause.values
        open_mention = open_mention if is_inherited else None
    return labels


def _clauses(events: Sequence[Event]) -> list[_Clause]:
    clauses: list[_Clause] = []
    mentions: list[Named] = []
    values: list[int] = []
    for event in (*events, Event(kind="divider", position=-1)):
        if event.kind == "value":
            values.append(event.position)
        elif event.kind == "mention":
            narrowed = mentions[-1] & event.named if mentions else frozenset()
            if narrowed:
                # "Headcount" and "January" name one column together.
                mentions[-1] = narrowed
            else:
                mentions.append(event.named)
        elif mentions or values:
            clauses.append(_Clause(mentions=tuple(mentions), values=tuple(values)))
            mentions, values = [], []
    return clauses


def _within(clause: _Clause) -> dict[int, Named]:
    if len(clause.mentions) == len(clause.values):
        return dict(zip(clause.values, clause.mentions, strict=True))
    return dict.fromkeys(clause.values, frozenset[int]().union(*clause.mentions))


def _listed(clauses: Sequence[_Clause], events: Sequence[Event]) -> dict[int, Named]:
    """The labels where first all names come, then as many values: "price and stock are 5 and 7"."""
    mentions = [mention for clause in clauses for mention in clause.mentions]
    values = [value for clause in clauses for value in clause.values]
    last = max((e.position for e in events if e.kind == "mention"), default=0)
    is_list = len(mentions) == len(values) > 1 and last < values[0]
    if not is_list or any(one & other for one, other in combinations(mentions, 2)):
        return {}
    return dict(zip(values, mentions, strict=True))
