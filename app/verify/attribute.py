"""Finds quotes for claims that come without any, so that they can be verified like others."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from app.claims import Draft, DraftCitation, DraftClaim
from app.context import Context
from app.verify.claim_text import clean_claim
from app.verify.tokens import tokenize
from kb.text import sentences

MAX_QUOTES: Final = 3
"""Sentences cited for one claim: recall over the best three told supported claims from others best
on answers to questions."""

MIN_GAIN: Final = 0.1
"""Share of the claim's weight that a further sentence must add to be cited."""

_Quote = tuple[DraftCitation, frozenset[str]]


def attribute(claims: Sequence[str], context: Context) -> Draft:
    """Each claim with the sentences of the context that hold most of its words, best first.

    A claim of which no sentence holds a word gets no citation, and will not be supported.
    """
    quotes = [
        (DraftCitation(source=source.id, quote=text), _keys(text))
        for source in context.sources
        for start, end in sentences(source.passage.text)
        if (text := source.passage.text[start:end])
    ]
    counts = Counter(key for _, keys in quotes for key in keys)
    return Draft(
        status="answered",
        claims=tuple(
            DraftClaim(text=claim, citations=_best_quotes(claim, quotes, counts))
            for claim in claims
        ),
    )


def _best_quotes(
    claim: str, quotes: Sequence[_Quote], counts: Counter[str]
) -> tuple[DraftCitation, ...]:
    """Greedily the sentence that adds most weight; a rare word weighs more than a common one."""
    missing = {
        key: math.log(1 + len(quotes) / (1 + counts[key])) for key in _keys(clean_claim(claim))
    }
    total = sum(missing.values())
    chosen: list[DraftCitation] = []
    while missing and len(chosen) < MAX_QUOTES:
        gains = [sum(missing.get(key, 0.0) for key in keys) for _, keys in quotes]
        best = max(range(len(quotes)), key=gains.__getitem__, default=None)
        if best is None or gains[best] < MIN_GAIN * total:
            break
        chosen.append(quotes[best][0])
        missing = {key: weight for key, weight in missing.items() if key not in quotes[best][1]}
    return tuple(chosen)


def _keys(text: str) -> frozenset[str]:
    return frozenset(token.key for token in tokenize(text) if token.is_content)
