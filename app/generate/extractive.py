"""Answers without a language model: the best sentences of the sources, each quoted and cited."""

from collections.abc import Sequence
from typing import Final

from app.claims import Draft, DraftCitation, DraftClaim
from app.generate.answer_type import wants_yes_or_no
from app.generate.evidence import SentenceEvidence
from kb.text import content_stems

MIN_SHARE_OF_BEST: Final = 0.7
"""Of the best sentence's score that a further one needs. The answer is then among 2.5 quotes for
.936 of 1142 questions of SQuAD2 and among 2.3 for .955 of 1052 of SQuAD1; always three give .941
and .957."""

MAX_OVERLAP: Final = 0.7
"""A sentence with a larger share of its words in one already chosen adds nothing."""


def extract(
    question: str, evidence: Sequence[SentenceEvidence], *, max_sentences: int = 3
) -> Draft:
    """An answer of up to `max_sentences` claims, best first; each is a sentence and quotes it.

    A sentence that only repeats the question's words is no answer, unless the question wants a yes
    or a no. `unsupported` when none is left.
    """
    asked = frozenset(() if wants_yes_or_no(question) else content_stems(question))
    chosen: list[SentenceEvidence] = []
    for sentence in sorted(evidence, key=lambda each: -each.score):
        if len(chosen) == max_sentences:
            break
        if not asked.issuperset(content_stems(sentence.text)) and _adds(sentence, chosen):
            chosen.append(sentence)
    return Draft(
        status="answered" if chosen else "unsupported",
        claims=tuple(map(_claim, chosen)),
    )


def _claim(sentence: SentenceEvidence) -> DraftClaim:
    """An item of a list says little without the line that leads to it: both are quoted."""
    quotes = [sentence.text, *([sentence.lead_in] if sentence.lead_in else [])]
    return DraftClaim(
        text="\n".join(reversed(quotes)),
        citations=tuple(DraftCitation(source=sentence.source_id, quote=quote) for quote in quotes),
    )


def _adds(sentence: SentenceEvidence, chosen: Sequence[SentenceEvidence]) -> bool:
    if not chosen:
        return True
    if sentence.score < MIN_SHARE_OF_BEST * chosen[0].score:
        return False
    words = frozenset(content_stems(sentence.text))
    return all(
        len(words & frozenset(content_stems(other.text))) <= MAX_OVERLAP * len(words)
        for other in chosen
    )
