"""Where a claim repeats its evidence word for word, is one of its ordinary words another one?

A paraphrase changes many words and their order; a claim that keeps all of them but one says what
the evidence says, except there. Whether the other word means the same is not known, save for a
list of everyday words; what is not on it is taken for a change.
"""

import math
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Final

from app.claims import Reason
from app.verify.statement import Statement
from app.verify.tokens import Token
from kb.text import STOP_WORDS, stem

MIN_REPEATED: Final = 0.8
"""Share of the claim's other words, stop words too, that the evidence has in the same order."""

MIN_KNOWN: Final = 0.8
"""Share of the claim's words, stop words too, that the evidence has at all."""

MIN_WORDS: Final = 4
"""Fewer other words are no repetition: two sentences share three words by chance."""

MIN_SHARED_START: Final = 5
"""Letters by which two words are of one family: `amalgamated`, `amalgamation`."""

MIN_SHARED_SHARE: Final = 0.7
"""And of the longer one: `computer` and `compare` are two families."""

_Groups = dict[str, frozenset[int]]


def check_wording(claim: Statement, evidence: Statement) -> Reason | None:
    """The strange word of a claim that else is its evidence, word for word; None without one."""
    strange = _strange(claim, evidence)
    if len(strange) != 1 or not _is_put_in(claim, evidence, strange[0]):
        return None
    return Reason(code="word_changed", detail=strange[0].raw)


def _is_put_in(claim: Statement, evidence: Statement, strange: Token) -> bool:
    """True when the words before and after the strange one are as in the evidence.

    There they stand side by side or with one other word between them.
    """
    here, there = (
        [token for token in side.tokens if token.kind != "mark"] for side in (claim, evidence)
    )
    place = here.index(strange)
    before = [token.key for token in here[:place]]
    after = [token.key for token in here[place + 1 :]]
    if len(here) <= MIN_WORDS:
        return False
    keys = [token.key for token in there]
    return any(
        keys[start : start + place] == before
        and keys[start + place + gap : start + place + gap + len(after)] == after
        for gap in (0, 1)
        for start in range(len(keys) - len(here) + 2)
    )


def repeats(claim: Statement, evidence: Statement) -> bool:
    """True when the evidence has the claim's words in the same order, but for a few strange ones.

    Numbers and names that the evidence lacks are strange too.
    """
    there = [token.key for token in evidence.tokens if token.kind != "mark"]
    known = frozenset(there)
    words = [token.key for token in claim.tokens if token.kind != "mark"]
    here = [key for key in words if key in known]
    if len(here) < MIN_WORDS or len(here) < MIN_KNOWN * len(words):
        return False
    blocks = SequenceMatcher(None, there, here, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= MIN_REPEATED * len(here)


def _strange(claim: Statement, evidence: Statement) -> list[Token]:
    """Ordinary content words of the claim that neither the evidence nor a word like them has."""
    free = evidence.keys.difference(claim.indices_by_key)
    return [
        token
        for token in (claim.tokens[index] for index in claim.content)
        if token.kind == "word"
        and not token.is_name
        and token.key not in evidence.keys
        and token.key not in evidence.background
        and not has_like(token.key, free)
    ]


def has_like(key: str, others: frozenset[str]) -> bool:
    """True when one of the stems is of the same family, or an everyday word that stands for it."""
    by_start, groups = _likeness(others)
    if not groups.isdisjoint(_GROUPS.get(key, ())):
        return True
    return any(_is_family(key, other) for other in by_start.get(key[:MIN_SHARED_START], ()))


@lru_cache(maxsize=4096)
def _likeness(keys: frozenset[str]) -> tuple[dict[str, list[str]], frozenset[int]]:
    """The stems by their first letters, and the groups that any of them is in."""
    by_start: dict[str, list[str]] = {}
    for key in keys:
        by_start.setdefault(key[:MIN_SHARED_START], []).append(key)
    return by_start, frozenset().union(*(_GROUPS.get(key, ()) for key in keys))


def _is_family(one: str, other: str) -> bool:
    size = max(MIN_SHARED_START, math.ceil(MIN_SHARED_SHARE * max(len(one), len(other))))
    return one[:size] == other[:size] and min(len(one), len(other)) >= size


def _read_groups() -> _Groups:
    lines = Path(__file__).with_name("equivalents.txt").read_text(encoding="utf-8").splitlines()
    groups: _Groups = {}
    for number, line in enumerate(lines):
        for word in line.split():
            key = word if word in STOP_WORDS else stem(word)
            groups[key] = groups.get(key, frozenset()) | {number}
    return groups


_GROUPS: Final = _read_groups()
