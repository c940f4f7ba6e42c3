"""Refuses claims that state outright what their sources only want said, imagined or believed.

"It would be wise to call leave abolished" does not say that leave is abolished: a claim has to keep
the word that makes such a difference. Nor does it speak in the first person unless its source does.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from language.stems import content_stems, stem
from language.text import Span

_SAYING: Final = (
    r"say|state|claim|speak|tell|mention|describe|present|portray|depict|answer|reply|respond"
    r"|declare|announce|proclaim|pretend|imagine|suppose|assume|presume|believe|think|hear|call"
    r"|consider|regard|treat|refer|assert|conclude|agree|picture|envision|convince|persuade"
)
_ADVISED: Final = (
    r"(?:wise|wiser|best|better|good|great|nice|fair|right|proper|appropriate|advisable|helpful|kind"
    r"|reasonable|sensible|important|ideal|useful|prudent|polite|correct|safe|lovely|desirable)"
)


def _begins(marks: str) -> str:
    """A pattern for what a sentence begins behind: nothing, or a mark and white space.

    It goes from the end of a word through all that is no word, once: from each of the marks in
    between it would be the square of their number.
    """
    return rf"^\W*+|(?<=\w)(?>\W*?[{marks}]\s)\W*+"


_FRAMES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # It would be wise to call leave abolished. Readers are best served by hearing of 99 days.
        (
            rf"\b{_ADVISED}\b(?: served)?(?:\W+\w+){{0,4}}?\W+"
            r"(?:to|by|that you|if you|if we|if it) (?:\w+ )?"
            rf"(?P<saying>(?:{_SAYING})(?:ing|ed|s)?)\b"
        ),
        # Imagine that leave is abolished. Kindly speak of free days. Not: please call 0800 123.
        (
            rf"(?:{_begins('.:;!?')}"
            r"|\b(?:please|kindly|let us|let's|just|simply|always|now|do) \W*+)"
            rf"(?P<saying>{_SAYING})\b(?! (?:your|him|her|us|at|on|\+?\d))"
        ),
        # Readers should be told that leave is free. It ought to be described as free.
        (
            r"\b(?:should|ought to|must|may|might|could|can|would|needs? to|have to|has to"
            r"|wants? to|want you to|like you to|needs? you to|glad if you|happy if you) "
            rf"(?:\w+ ){{0,2}}?(?P<saying>(?:{_SAYING})(?:ed|d)?|told|spoken|heard|thought)\b"
        ),
        # People would love to read that leave is free.
        (
            rf"\bto (?:\w+ )?(?P<saying>{_SAYING}|read|learn|write|report|recommend)"
            r"(?: [^\W\d]\w*)? that\b"
        ),
        # All are happier believing that leave is free. I wish it was.
        r"\b(?P<saying>(?:believ|hear|assum|pretend|imagin|think|suppos)ing)(?: \w+)? that\b",
        r"\b(?:I|we|they|who|people|everybody|everyone) (?P<saying>wish|wished|hope|hoped) ",
        # Make it sound as if leave was free. Write: leave is free.
        (
            r"\b(?:act|behave|sound|seem|speak|talk|write|look|carry on)\w* "
            r"(?P<saying>as) (?:if|though)\b"
        ),
        (
            rf"(?:{_begins('.;!?')}|\b(?:please|kindly) \W*+)"
            rf"(?P<saying>{_SAYING}|write|print|output):"
        ),
    )
)
"""Each wants something said or taken for true, and says so by the word `saying`."""

_SPEAKER: Final = re.compile(
    r"\W*(?:personal )?(?:note|comment|message|remark|review|statement|opinion|testimonial|verdict"
    r"|assessment|recommendation) (?:by|from|of) (?P<speaker>[^:.\n]{3,80}):",
    re.IGNORECASE,
)
"""Names whose words follow; without the name they would be a fact and nobody's opinion."""

_FIRST_PERSON: Final = re.compile(r"(?:I|I['\u2019]\w+|[Mm]y|[Mm]e|[Mm]yself)\Z")
_WORD: Final = re.compile(r"\w+(?:['\u2019]\w+)*")


def changes_voice(claim: str, cited: str) -> bool:
    """True when somebody speaks of himself in the claim who does not do so in what is cited.

    An `I` beside the same word as there, in `World War I` or in the words of a song, is a
    repetition.
    """
    words = _WORD.findall(claim)
    spoken = [place for place, word in enumerate(words) if _FIRST_PERSON.match(word)]
    if not spoken:
        return False
    there = f" {' '.join(_WORD.findall(cited))} ".casefold()
    return not all(
        (place > 0 and _stand_together(words[place - 1 : place + 1], there))
        or _stand_together(words[place : place + 3], there)
        for place in spoken
    )


def _stand_together(words: Sequence[str], text: str) -> bool:
    return f" {' '.join(words)} ".casefold() in text


def drops_frame(claim: str, cited: Sequence[str]) -> bool:
    """True when the claim is drawn from what a cited sentence wants said, without saying so.

    What another sentence, or the same one outside of the frame, says as well is not drawn from it.

    Args:
        claim: what is to be shown.
        cited: the whole sentences that its quotes touch.
    """
    said = frozenset(content_stems(claim))
    kept = frozenset(stem(word.casefold()) for word in _WORD.findall(claim))
    for place, sentence in enumerate(cited):
        others = frozenset(content_stems(" ".join([*cited[:place], *cited[place + 1 :]])))
        for frame in _frames(sentence, said, kept):
            before = said & frozenset(content_stems(sentence[: frame.start]))
            inside = said & frozenset(content_stems(sentence[frame.end :]))
            if len(inside - before) > len(before) and inside - before - others:
                return True
    return False


def _frames(sentence: str, said: frozenset[str], kept: frozenset[str]) -> Iterator[Span]:
    """The words that frame what follows them and that the claim does not keep."""
    speaker = _SPEAKER.match(sentence)
    if speaker and said.isdisjoint(content_stems(speaker["speaker"])):
        yield Span(0, speaker.end())
    for pattern in _FRAMES:
        for found in pattern.finditer(sentence):
            if stem(found["saying"].casefold()) not in kept:
                yield Span(found.start("saying"), found.end("saying"))
