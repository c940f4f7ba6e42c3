"""Refuses proved claims whose words come from an instruction to the model."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from app.answering.claims import Reason, VerifiedCitation, VerifiedClaim
from app.answering.guard.active import has_foreign_activity
from app.answering.guard.frame import changes_voice, drops_frame
from app.answering.guard.instructions import instruction_spans
from kb.passages import Passage
from language.stems import content_stems
from language.text import Span, sentences

_TASK: Final = re.compile(
    r"\W*(?:please |now |also )?(?:analy[sz]e|break down|calculate|compose|compute|convert|create"
    r"|describe|design|determine|develop|discuss|draft|encode|explain|find|generate|give|help|identify"
    r"|list|outline|plan|predict|propose|provide|recommend|render|replace|reverse|rewrite|show|solve"
    r"|suggest|summari[sz]e|tell|translate|use|write)\b",
    re.IGNORECASE,
)
"""Tasks that people give an assistant."""

_VOICE: Final = re.compile(
    r"\W*(?:of course|(?:sure|surely|certainly|absolutely)[,!.]|here (?:is|are|you)\b|here's\b"
    r"|as (?:you )?(?:requested|asked|instructed|an ai)\b|i(?:'m| am| have|'ve| can| will|'ll)\b)",
    re.IGNORECASE,
)
"""A document says what is so; only a model says that it has done something."""

_QUESTION_MARKS: Final = ("?", "\uff1f", "\u061f")


@dataclass(frozen=True, kw_only=True)
class _Divided:
    """A passage with its sentences and with those of them that instruct its reader."""

    passage: Passage
    sentences: Sequence[Span]
    instructions: Sequence[Span]


class GuardedPassages:
    """The passages by source id, each divided once however many claims cite it."""

    def __init__(self, passages: Mapping[str, Passage]) -> None:
        """Nothing is divided before it is cited."""
        self._passages = passages
        self._divided: dict[str, _Divided] = {}

    def __getitem__(self, source: str) -> _Divided:
        """The source's passage, divided; KeyError for an unknown one."""
        if source not in self._divided:
            passage = self._passages[source]
            self._divided[source] = _Divided(
                passage=passage,
                sentences=sentences(passage.text),
                instructions=instruction_spans(passage.text),
            )
        return self._divided[source]


def guard_claim(
    claim: VerifiedClaim,
    *,
    asked: frozenset[str],
    passages: Mapping[str, Passage] | GuardedPassages,
    max_chars: int,
) -> VerifiedClaim:
    """The claim, or the claim taken back with the reason why it must not be shown.

    A quote that touches an instruction to the model proves only what somebody wants it to say, a
    question or a task set to whoever reads it says nothing, and what a sentence wants said or
    imagined is not thereby so.

    Args:
        claim: as verification judged it.
        asked: the stems of the question, with the one that it leans on.
        passages: what each source shows, by its id; a caller with several claims divides it once.
        max_chars: the longest claim that is shown.
    """
    if claim.verdict != "supported":
        return claim
    divided = passages if isinstance(passages, GuardedPassages) else GuardedPassages(passages)
    fault = _fault(claim, asked, divided) or _fault_of_form(claim, divided, max_chars)
    if fault is None:
        return claim
    return replace(claim, verdict="unsupported", score=0.0, reasons=(*claim.reasons, fault))


def _fault(claim: VerifiedClaim, asked: frozenset[str], passages: GuardedPassages) -> Reason | None:
    for citation in claim.citations:
        source = passages[citation.source]
        if _touched(source.instructions, citation, source.passage):
            return Reason(code="quote_instructs")
    cited = _cited_sentences(claim.citations, passages)
    quotes = [citation.quote for citation in claim.citations]
    if any(all(_asks(text, asked) for text in texts) for texts in (quotes, cited)):
        return Reason(code="quote_instructs", detail="states nothing")
    if drops_frame(claim.text, cited):
        return Reason(code="quote_instructs", detail="wants it said")
    if changes_voice(claim.text, " ".join(cited)):
        return Reason(code="form_refused", detail="speaks in the first person")
    return None


def _cited_sentences(citations: Sequence[VerifiedCitation], passages: GuardedPassages) -> list[str]:
    """The whole sentences that the quotes touch: a quote may begin behind what frames it."""
    touched: dict[tuple[str, Span], str] = {}
    quoted: dict[tuple[str, int, int], VerifiedCitation] = {
        (each.source, each.char_start, each.char_end): each for each in citations
    }
    for citation in quoted.values():
        source = passages[citation.source]
        for span in _touched(source.sentences, citation, source.passage):
            touched[citation.source, span] = source.passage.text[span.start : span.end]
    return list(dict.fromkeys(touched.values()))


def _touched(spans: Sequence[Span], citation: VerifiedCitation, passage: Passage) -> Sequence[Span]:
    """Those of the spans, which are in order, that the quote touches."""
    # The source's whole text, not the citation's chunk: a sentence may run over its end.
    offset = passage.location["char_start"]
    first = bisect_right(spans, citation.char_start - offset, key=attrgetter("end"))
    last = bisect_left(spans, citation.char_end - offset, key=attrgetter("start"))
    return spans[first:last]


def _fault_of_form(
    claim: VerifiedClaim, passages: GuardedPassages, max_chars: int
) -> Reason | None:
    if len(claim.text) > max_chars:
        return Reason(code="form_refused", detail="too long")
    quotes = " ".join(citation.quote for citation in claim.citations)
    if _VOICE.match(claim.text) and not _VOICE.match(quotes):
        return Reason(code="form_refused", detail="speaks as the assistant")
    # A claim may begin with a heading that its passage stands under.
    shown = [quotes]
    for source in dict.fromkeys(citation.source for citation in claim.citations):
        passage = passages[source].passage
        shown += (passage.title or "", *passage.location["section"], passage.text)
    if has_foreign_activity(claim.text, "\n".join(shown)):
        return Reason(code="form_refused", detail="markup")
    return None


def _asks(quote: str, asked: frozenset[str]) -> bool:
    """True when the quote only asks; a task is an answer where it is about what was asked."""
    pieces = [quote[span.start : span.end] for span in sentences(quote)]
    if all(piece.endswith(_QUESTION_MARKS) for piece in pieces):
        return True
    is_task = all(_TASK.match(piece) or piece.endswith(_QUESTION_MARKS) for piece in pieces)
    return is_task and asked.isdisjoint(content_stems(quote))
