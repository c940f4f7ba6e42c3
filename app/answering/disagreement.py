"""Two sentences of the sources that cannot both hold, and the words that set them apart.

Worked out from the words alone: the same thing with another number, date, name or polarity, in
nearly the same words or in words that mean the same. Where each side names a case of its own (`in
Berlin`, `in Paris`) the question left a choice open, and the sources do not contradict each other.
Headings and numbering hold no values.
"""

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.answering.claims import DraftCitation, DraftClaim, ReasonCode
from app.answering.context import Context
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.other_values import answer_otherwise
from app.answering.question.parts import QuestionReading
from app.answering.verify.vetoes import find_vetoes
from kb.passages import Passage
from kb.store.spaces import AS_IT_IS, CosineScale
from language.numbers import says
from language.reading import Reading, read_sentence
from language.sentences import bounded_sentences
from language.stems import stem
from language.text import fold

MIN_SHARED: Final = 0.6
"""Of the words besides numbers, on the side that has fewer; below, two sentences are about two
things, whatever their numbers are."""

MAX_QUALIFIERS: Final = 3
"""Words that set one side apart; with more it is another statement, not another case."""


_NUMBERING: Final = re.compile(
    r"^(?:[-*\u2022]\s++)?(?:[^\W\d_]{4,12} )?\(?"
    r"(?:\d{1,3}(?:\.\d{1,3}){0,4}[.):]|\d{1,3}(?:\.\d{1,3}){1,4}|[a-zA-Z][.)])\s++"
)
"""The number of a heading, a step or an item: `2.1`, `Step 3.`, `b)`."""

_ENDS: Final = re.compile(r"[.!?\u3002][\"'\u201d\u2019)\]]*+$")
_ASSIGNS: Final = re.compile(r":\s[^:\d]{0,40}\d")
"""A line that is no sentence but gives a value: `Notice period: 30 days`."""

TURNED: Final[frozenset[ReasonCode]] = frozenset(
    {"negation_added", "negation_dropped", "opposite_word"}
)

COMPARED_SENTENCES: Final = 6
"""Of the best evidence; what ranks lower answers less well."""

COMPARED_SHARE_OF_BEST: Final = 0.6
"""Of the best sentence's score that a sentence needs to be compared."""

GAP: Final = "_"
ASKS_WHO: Final = frozenset({"who", "whom", "whose"})


Cases = tuple[tuple[str, ...], tuple[str, ...]]

NO_CASES: Final[Cases] = ((), ())


@dataclass(frozen=True, kw_only=True)
class Side:
    """A sentence of a source, verbatim, where it stands and, if known, how it fits the question."""

    text: str
    source_id: str
    passage: Passage
    evidence: SentenceEvidence | None = None

    @property
    def claim(self) -> DraftClaim:
        """The sentence as a claim that quotes itself."""
        citation = DraftCitation(source=self.source_id, quote=self.text)
        return DraftClaim(text=self.text, citations=(citation,))


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Two sides; `cases` are the words by which each names its own case, empty in a conflict."""

    first: Side
    second: Side
    cases: Cases

    @property
    def is_conflict(self) -> bool:
        """True when nothing says that the sides speak of different cases."""
        return not any(self.cases)


def disagreement_in(
    question: QuestionReading,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    scale: CosineScale = AS_IT_IS,
) -> Disagreement | None:
    """The disagreement among the best of the evidence, which stands best first.

    None also where somebody who asks two things at once would be asked back.
    """
    sides = []
    for each in [each for each in evidence if each.part == evidence[0].part][:COMPARED_SENTENCES]:
        source = context.source(each.source_id)
        if source is not None and each.score >= COMPARED_SHARE_OF_BEST * evidence[0].score:
            side = Side(text=each.text, source_id=source.id, passage=source.passage, evidence=each)
            sides.append(side)
    found = find_disagreement(question, sides, scale)
    is_shown = found is None or found.is_conflict or not any(each.part for each in evidence)
    return found if is_shown else None


def find_disagreement(
    question: QuestionReading, sides: Sequence[Side], scale: CosineScale = AS_IT_IS
) -> Disagreement | None:
    """The first two sides, in their order, that disagree on what is asked; None when none do.

    Sides of one document version are not compared: a document that lists several values lists them
    on purpose. Where the question names the case of one side, that side is meant.
    """
    documents = {(side.passage.document_id, side.passage.document_version) for side in sides}
    if len(documents) == 1:
        return None
    asks_who = not ASKS_WHO.isdisjoint(fold(question.in_context).text.split())
    read = []
    for side in sides:
        # A heading says nothing; of several sentences any may be meant.
        bare = _NUMBERING.sub("", side.text.strip())
        is_statement = _ENDS.search(bare) or _ASSIGNS.search(bare)
        if is_statement and len(bounded_sentences(bare)) == 1:
            reading = read_sentence(bare)
            read.append(_ReadSide(side=side, reading=reading, names_are_values=asks_who))
    for first, second in itertools.combinations(read, 2):
        one_passage, other_passage = first.side.passage, second.side.passage
        if (
            one_passage.document_id == other_passage.document_id
            and one_passage.document_version == other_passage.document_version
        ):
            continue
        cases = _compare(question.stems, first, second)
        one, other = first.side.evidence, second.side.evidence
        if cases is None and one and other and answer_otherwise(question, one, other, scale):
            cases = NO_CASES
        if cases is not None:
            return Disagreement(first=first.side, second=second.side, cases=cases)
    return None


def newer(first: Side, second: Side) -> Side | None:
    """The side that took effect later, or was updated later; None when neither did."""
    since_first, since_second = (
        side.passage.effective_at or side.passage.updated_at for side in (first, second)
    )
    if since_first == since_second:
        return None
    return first if since_first > since_second else second


@dataclass(frozen=True, kw_only=True)
class _ReadSide:
    """A side with its values told apart from what they are values of."""

    side: Side
    reading: Reading
    names_are_values: bool

    @cached_property
    def values(self) -> list[int]:
        """Numbers, dates, and names where the question asks for one; no `section 4`."""
        tokens = self.reading.tokens
        labelled = {mark.end for mark in self.reading.named("label")}
        # The first word has a capital anyway: it is a name where a name follows.
        names = {index for index, token in enumerate(tokens) if token.is_name}
        names |= {0} if 1 in names else set()
        return [
            index
            for index, token in enumerate(tokens)
            if index not in labelled
            and (token.measure is not None or (self.names_are_values and index in names))
        ]

    @cached_property
    def word_by_key(self) -> dict[str, str]:
        """Other content words as written, by what they mean; without units behind numbers."""
        units = {index + 1 for index in self.reading.measures}
        negations = {
            index for m in self.reading.named("negation") for index in range(m.start, m.end)
        }
        without = {*self.reading.measures, *self.values, *units, *negations}
        return {
            key: self.reading.tokens[index].raw
            for index in self.reading.content
            if index not in without and (key := self.key(index)) is not None
        }

    def key(self, index: int) -> str | None:
        """The stem of a word, or of the one that stands for all that mean the same.

        None for what says nothing of the matter, as `amounts` and `every`.
        """
        lexicon = self.reading.lexicon
        key = stem(self.reading.words[index])
        shared = lexicon.same.get(key, key)
        return None if {key, shared} & lexicon.generic else shared

    def own_values(self, other: "_ReadSide") -> list[str]:
        """The values that the other side does not give; words of one name are one value.

        It gives a value whose word it holds, or that one of its own agrees with.
        """
        tokens, others = self.reading.tokens, other.reading
        measures = [others.tokens[index].measure for index in others.measures]
        own: list[int] = []
        for index in self.values:
            wanted = tokens[index].measure
            is_given = (
                tokens[index].key in others.places
                if wanted is None
                else any(each is not None and says(each, wanted) for each in measures)
            )
            own += [] if is_given else [index]
        return [tokens[index].raw for index in own if index - 1 not in own]

    def frame(self, shared: Collection[str]) -> list[str]:
        """The sentence with a gap for each run of values, units and words that are its own."""
        frame: list[str] = []
        for index, token in enumerate(self.reading.tokens):
            key = self.key(index) if token.is_content else token.key
            if not token.is_content or key in shared:
                frame.append(key or "")
            elif not frame or frame[-1] != GAP:
                frame.append(GAP)
        return frame


def _compare(asked: frozenset[str], one: _ReadSide, other: _ReadSide) -> Cases | None:
    """The words that set each side apart; None when they do not disagree on what is asked."""
    shared = one.word_by_key.keys() & other.word_by_key.keys()
    fewer = min(len(one.word_by_key), len(other.word_by_key))
    apart = (one.word_by_key.keys() | other.word_by_key.keys()) - shared
    if not fewer or len(shared) < MIN_SHARED * fewer or apart & asked:
        return None
    own, others_own = one.own_values(other), other.own_values(one)
    values_differ = bool(own and others_own)
    if not apart and max(len(own), len(others_own)) > 1:
        # Fees of 2025 and fees of 2026: nobody can tell which value is the case of which.
        return None
    if not apart:
        vetoes = find_vetoes(one.side.text, other.side.text)
        is_contradiction = values_differ or any(reason.code in TURNED for reason in vetoes)
        return NO_CASES if is_contradiction else None
    cases = (
        tuple(word for key, word in one.word_by_key.items() if key not in shared),
        tuple(word for key, word in other.word_by_key.items() if key not in shared),
    )
    is_choice = all(cases) and max(map(len, cases)) <= MAX_QUALIFIERS and values_differ
    # Else one side speaks of everything and the other of a special case, or of other things.
    return cases if is_choice and one.frame(shared) == other.frame(shared) else None
