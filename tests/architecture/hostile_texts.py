"""Texts that a regular expression finds hard, made from its parse tree."""

import re
import re._compiler as compiler  # type: ignore[import-not-found]  # no stubs
import re._constants as constants  # type: ignore[import-not-found]  # no stubs
import re._parser as parser  # type: ignore[import-not-found]  # no stubs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

ALPHABET = " a1A\n.-_0\t,:/@('\"<[#\\|*+x)]=%$\u00e9\u3042\u200d\u2019\u0301\U0001f1e9"
"""Tried for every set of characters, beside those that the pattern itself names."""

FIRST_CHOICES = " a1A\n.-"
"""Each is once what all sets take that can, so that neighbouring repeats overlap."""

FAILURES = ("!", "\x00", "a", "\n", "")
"""What ends a text, so that it does not match after all."""

FEWEST = 8
"""A repeat with a smaller upper bound is a constant."""

LAST_BYTE = 0xFF
Node = tuple[Any, Any]
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)
SETS = (constants.IN, constants.ANY, constants.NOT_LITERAL)


@dataclass(frozen=True)
class HostileText:
    """A head, something that is said again and again, and a tail."""

    head: str
    pump: str
    tail: str

    def of_size(self, size: int) -> str:
        """The text with about as many characters."""
        room = max(1, size - len(self.head) - len(self.tail))
        return self.head + self.pump * max(1, room // len(self.pump)) + self.tail


GENERIC = tuple(
    HostileText("", pump, tail)
    for pump in (*ALPHABET, "1 ", "a ", "a1", "\n ", "A.", "1" * 63 + "a ", "1" * 40 + "a ", "(1)")
    for tail in ("", "!")
)


def hostile_texts(pattern: re.Pattern[str] | re.Pattern[bytes]) -> list[HostileText]:
    """The texts for this pattern; only the generic ones where `re` cannot parse it."""
    source = pattern.pattern
    written = source.decode("latin-1") if isinstance(source, bytes) else source
    try:
        tree = parser.parse(source, pattern.flags & ~re.DEBUG)
    except re.error:
        # Syntax of `regex` alone: properties of characters and graphemes, without a nested repeat.
        return list(GENERIC)
    made = dict.fromkeys(GENERIC)
    letters = dict.fromkeys(ALPHABET + written)
    members = Members(letters, tree)
    for seed, first in enumerate(FIRST_CHOICES):
        rest = list(letters)
        Random(seed).shuffle(rest)  # noqa: S311  # the same texts each time
        sampler = Sampler([first, *rest], members)
        pumps: list[str] = []
        for before, body, after in repeats(tree.data, [], []):
            head, pump, tail = map(sampler.sample, (before, body, after))
            pumps.append(pump)
            made.update(dict.fromkeys(around(head, pump, tail)))
        made.update(
            dict.fromkeys(
                HostileText("", one + other, "!") for one, other in pairwise(pumps) if one + other
            )
        )
    return list(made)


def repeats_without_bound(pattern: re.Pattern[str] | re.Pattern[bytes]) -> bool:
    """False when no place of a text can cost more than a constant; `re` cannot parse all others."""
    written = pattern.pattern
    source = written.decode("latin-1") if isinstance(written, bytes) else written
    try:
        tree = parser.parse(source, pattern.flags & ~re.DEBUG)
    except re.error:
        return True
    return next(repeats(tree.data, [], []), None) is not None


def around(head: str, pump: str, tail: str) -> Iterator[HostileText]:
    """The ways to repeat what stands around one repeat."""
    for failure in FAILURES:
        yield HostileText(head, pump or "a", failure)
        yield HostileText("", pump or "a", failure)
    for again in (head, head + pump, head + pump * 30, pump + tail, head + pump + tail):
        if again:
            yield HostileText("", again, "!")
            yield HostileText(" ", again + "a ", "")


def repeats(
    nodes: Sequence[Node], before: list[Node], after: list[Node]
) -> Iterator[tuple[list[Node], list[Node], list[Node]]]:
    """Each repeat: what stands before it, what it repeats, what stands after it."""
    for place, (operation, argument) in enumerate(nodes):
        left, right = [*before, *nodes[:place]], [*nodes[place + 1 :], *after]
        if operation in REPEATS:
            _, high, body = argument
            if high >= FEWEST:
                yield left, body.data, right
        for inner in inside((operation, argument)):
            yield from repeats(inner, left, right)


def inside(node: Node) -> list[Sequence[Node]]:
    """The sequences that a node is made of."""
    operation, argument = node
    if operation in REPEATS:
        return [argument[2].data]
    if operation is constants.BRANCH:
        return [alternative.data for alternative in argument[1]]
    if operation is constants.SUBPATTERN:
        return [argument[3].data]
    if operation is constants.ATOMIC_GROUP:
        return [argument.data]
    if operation in (constants.ASSERT, constants.ASSERT_NOT):
        return [argument[1].data]
    return []


class Sampler:
    """Says for parts of a pattern what they match, by one order of preference."""

    def __init__(self, preferred: Sequence[str], members: "Members") -> None:
        self._preferred = preferred
        self._members = members

    def sample(self, nodes: Sequence[Node]) -> str:
        """A short text that the nodes match, but for what they demand of their surroundings."""
        return "".join(self._of(node) for node in nodes)

    def _of(self, node: Node) -> str:
        operation, argument = node
        if operation is constants.LITERAL:
            return chr(argument)
        if operation in SETS:
            members = self._members.of(node)
            return next((each for each in self._preferred if each in members), "a")
        if operation in REPEATS:
            return self.sample(argument[2].data) * max(int(argument[0]), 1)
        if operation in (constants.ASSERT, constants.ASSERT_NOT):
            return ""
        parts = inside(node)
        return self.sample(parts[ord(self._preferred[0]) % len(parts)]) if parts else ""


class Members:
    """Which of the letters each set of a pattern takes; the compiler of `re` itself says."""

    def __init__(self, letters: Iterable[str], tree: Any) -> None:  # noqa: ANN401  # no stubs
        self._tree = tree
        self._is_text = bool(tree.state.flags & re.UNICODE)
        self._letters = [each for each in letters if self._is_text or ord(each) <= LAST_BYTE]
        self._by_node: dict[int, frozenset[str]] = {}

    def of(self, node: Node) -> frozenset[str]:
        """The letters that the set takes."""
        if id(node) not in self._by_node:
            single = parser.SubPattern(self._tree.state, [node])
            matcher = compiler.compile(single, self._tree.state.flags)
            self._by_node[id(node)] = frozenset(
                each
                for each in self._letters
                if matcher.fullmatch(each if self._is_text else each.encode("latin-1"))
            )
        return self._by_node[id(node)]
