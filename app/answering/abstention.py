"""Does the evidence hold an answer? A probability made of a few named signals.

p = 1 / (1 + exp(-(bias + sum over the signals of weight * (signal - mean) / deviation)))

`footnote eval abstention --fit` fits it to questions with and without an answer, which weigh the
same: p is calibrated for a service where every other question has one. It is the probability that
the passages are about what was asked. A passage on the very subject that leaves out the one thing
asked is beyond it: that takes a reader.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Final, NamedTuple, TypedDict, cast

from app.answering.context import Context, Source
from app.answering.evidence.ranking import FLOOR_PASSAGES, SentenceEvidence
from app.answering.question.constraints import constraints_of
from app.answering.question.specifics import identifiers
from language.stems import content_stems
from language.text import STOP_WORDS

FITTED_FILE: Final = Path(__file__).with_suffix(".json")

NAMED_KINDS: Final = frozenset({"time", "number", "person", "place"})
"""Of answers that a name, a number or a date tells."""

PROBABILITY_OF_NAMED: Final = 0.5
"""At least, of evidence that holds literally all that is asked about."""

WHOLE_COVERAGE: Final = 0.999
NAMED_AMONG: Final = 3

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_HAS_DIGIT: Final = re.compile(r"\d")


class EvidenceSignals(NamedTuple):
    """What is observed of a question and its evidence.

    best_cosine: of the question and a sentence, the highest, -1 to 1.
    best_coverage: share of the question's words in a sentence, weighed by idf, the highest, 0 to 1.
    passage_cosine: of the question and a passage with its title, the highest, -1 to 1.
    passage_lead: by how much that passage is ahead of the mean of the next four.
    answer_type: 1 when the best sentence holds what who, when, where or how many asks for and the
    question does not name, -1 when it does not, 0 when the question asks for no such thing.
    names_missing: share of the question's names and numbers that are neither in the passage of the
    best sentence nor in its headings: asked about Harvard, a passage on Chicago says nothing.
    """

    best_cosine: float
    best_coverage: float
    passage_cosine: float
    passage_lead: float
    answer_type: float
    names_missing: float


class FittedSignal(TypedDict):
    """How a signal counts: its weight for each deviation from its mean."""

    mean: float
    deviation: float
    weight: float


class FittedAbstention(TypedDict):
    """A fitted model; `data_sha256` names the questions, the embedding model made the cosines."""

    version: str
    fitted_on: str
    data_sha256: str
    sets: list[str]
    embedding_model: str
    bias: float
    signals: Mapping[str, FittedSignal]


@dataclass(frozen=True, kw_only=True)
class AbstentionModel:
    """Turns signals into a probability."""

    fitted: FittedAbstention

    def probability(self, signals: EvidenceSignals | None) -> float:
        """That there is an answer, 0 to 1; 0 without evidence."""
        if signals is None:
            return 0.0
        logit = self.fitted["bias"]
        for name, value in signals._asdict().items():
            each = self.fitted["signals"][name]
            logit += each["weight"] * (value - each["mean"]) / each["deviation"]
        # The same as 1 / (1 + exp(-logit)), which overflows far below zero.
        return (1 + math.tanh(logit / 2)) / 2


@lru_cache(maxsize=1)
def packaged_model() -> AbstentionModel:
    """The model of this release."""
    # The file is part of the package, and a test reads every field.
    fitted = cast("FittedAbstention", json.loads(FITTED_FILE.read_text(encoding="utf-8")))
    return AbstentionModel(fitted=fitted)


def is_fitted_to(embedding_model: str) -> bool:
    """False when the cosines of another model made the weights: what they say is a guess then."""
    return packaged_model().fitted["embedding_model"] == embedding_model


def evidence_probability(
    question: str, context: Context, evidence: Sequence[SentenceEvidence]
) -> float:
    """The probability, 0 to 1, that the evidence holds an answer to the question."""
    probability = packaged_model().probability(evidence_signals(question, context, evidence))
    is_named = any(_is_named(question, each) for each in evidence[:NAMED_AMONG])
    return max(probability, PROBABILITY_OF_NAMED) if is_named else probability


def _is_named(question: str, evidence: SentenceEvidence) -> bool:
    """True for a piece with all the question's words, or a row with the identifier asked about.

    A name or a code says nothing to an embedding model, and so nothing to the cosines.
    """
    if evidence.coverage >= WHOLE_COVERAGE:
        return True
    is_row = evidence.piece.row is not None
    wanted = set(identifiers(question))
    return is_row and bool(wanted) and wanted <= set(identifiers(evidence.text))


def evidence_signals(
    question: str, context: Context, evidence: Sequence[SentenceEvidence]
) -> EvidenceSignals | None:
    """The signals; None when there is no evidence. Takes .3 ms."""
    best = [each for each in evidence if each.passage_rank < FLOOR_PASSAGES]
    if not best:
        return None
    best_cosine = max(each.cosine for each in best)
    cosines = sorted(_passage_cosines(context), reverse=True) or [best_cosine]
    following = cosines[1:FLOOR_PASSAGES]
    return EvidenceSignals(
        best_cosine=best_cosine,
        best_coverage=max(each.coverage for each in best),
        passage_cosine=cosines[0],
        passage_lead=cosines[0] - fmean(following) if following else 0.0,
        answer_type=_answer_type(question, evidence[0]),
        names_missing=_names_missing(question, context.source(evidence[0].source_id)),
    )


def _passage_cosines(context: Context) -> list[float]:
    """Of the passages that the vectors found; others are farther away than all of these."""
    parts = (part for source in context.sources for part in source.parts)
    return [part.cosine for part in parts if part.cosine is not None]


def _answer_type(question: str, best: SentenceEvidence) -> float:
    if constraints_of(question).expected.kind not in NAMED_KINDS:
        return 0.0
    return 1.0 if best.has_answer_type else -1.0


def _names_missing(question: str, source: Source | None) -> float:
    stems = content_stems(" ".join(_names(question)))
    if not stems or source is None:
        return 0.0
    passage = source.passage
    told = " ".join([passage.title or "", *passage.location["section"], passage.text])
    known = frozenset(content_stems(told))
    return sum(each not in known for each in stems) / len(stems)


def _names(question: str) -> list[str]:
    """Words with a digit or a capital letter; the first word has one in any case."""
    words = enumerate(_WORD.findall(question))
    return [word for place, word in words if _HAS_DIGIT.search(word) or (place and _is_name(word))]


def _is_name(word: str) -> bool:
    return word[0].isupper() and word.casefold() not in STOP_WORDS
