"""The probability that the evidence holds an answer, made of a few named signals.

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
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Final, NamedTuple, assert_never, cast

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from app.answering.context import Context, Source
from app.answering.evidence.ranking import FLOOR_PASSAGES, SentenceEvidence
from app.answering.question.parts import QuestionReading
from app.answering.question.specifics import identifiers
from kb.errors import InvalidInput
from kb.store.spaces import AS_IT_IS, CosineScale, SpaceTuning
from language.stems import content_stems
from language.text import STOP_WORDS

FITTED_FILE: Final = Path(__file__).with_suffix(".json")

PROBABILITY_OF_NAMED: Final = 0.5
"""At least, of evidence that holds literally all that is asked about."""

WHOLE_COVERAGE: Final = 0.999
"""Of a piece that holds every word of the question; weights that sum to 1 are off by roundings."""

NAMED_AMONG: Final = 3
"""Best pieces of which one may hold literally all that is asked about."""

REFIT: Final = (
    "Run 'footnote eval abstention --fit --fitted FILE' with the model, and 'footnote space tune "
    "SPACE --abstention FILE'; or equate its cosines with --like, or set --evidence-floor."
)
"""The remedy for an evidence floor that was fitted with another embedding model."""

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_HAS_DIGIT: Final = re.compile(r"\d")


class EvidenceSignals(NamedTuple):
    """The observations of a question and its evidence.

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
    """The weight of a signal, for each deviation from its mean."""

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


_FITTED: Final = TypeAdapter(FittedAbstention)


@lru_cache(maxsize=1)
def packaged_model() -> FittedAbstention:
    """The model of this release."""
    # The file is part of the package, and a test reads every field.
    return cast("FittedAbstention", json.loads(FITTED_FILE.read_text(encoding="utf-8")))


def fitted_model(tuning: SpaceTuning) -> FittedAbstention:
    """The model that was fitted with the embedding space, else that of this release.

    Of cosines by the scale of the space.
    """
    if tuning.abstention is None:
        return packaged_model()
    fitted, scale = parse_fitted(tuning.abstention), tuning.cosines
    signals = dict(fitted["signals"])
    for name in ("best_cosine", "passage_cosine", "passage_lead"):
        # A lead is a difference of cosines.
        intercept = 0.0 if name == "passage_lead" else scale.intercept
        signals[name] = {
            "mean": scale.slope * signals[name]["mean"] + intercept,
            "deviation": scale.slope * signals[name]["deviation"],
            "weight": signals[name]["weight"],
        }
    return {**fitted, "signals": signals}


def parse_fitted(stored: Mapping[str, object]) -> FittedAbstention:
    """The fitted model; InvalidInput when `footnote eval abstention --fit` has not written it."""
    try:
        return _FITTED.validate_python(stored, strict=True)
    except ValidationError as error:
        places = {".".join(map(str, each["loc"])) for each in error.errors()}
        raise InvalidInput(
            "This is no model that 'footnote eval abstention --fit' has written: look at "
            f"{', '.join(sorted(places))}."
        ) from error


def is_fitted_to(embedding_model: str, tuning: SpaceTuning) -> bool:
    """False when the cosines of another model made the weights, and the space says nothing to that.

    What the weights say is a guess then.
    """
    if tuning.evidence_floor is not None or tuning.cosines != AS_IT_IS:
        return True
    return fitted_model(tuning)["embedding_model"] == embedding_model


def answer_probability(model: FittedAbstention, signals: EvidenceSignals | None) -> float:
    """The probability, 0 to 1, that there is an answer; 0 without evidence."""
    if signals is None:
        return 0.0
    logit = model["bias"]
    for name, value in signals._asdict().items():
        each = model["signals"][name]
        logit += each["weight"] * (value - each["mean"]) / each["deviation"]
    # The same as 1 / (1 + exp(-logit)), which overflows far below zero.
    return (1 + math.tanh(logit / 2)) / 2


def evidence_probability(
    question: QuestionReading,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    tuning: SpaceTuning,
) -> float:
    """The probability, 0 to 1, that the evidence holds an answer to the question.

    The evidence has its cosines by the scale of `tuning`, that of the space they come from.

    A name or a code says nothing to an embedding model, and so nothing to the cosines: a piece with
    all the question's words, or a row with the identifier asked about, counts whatever they are.
    """
    signals = evidence_signals(question, context, evidence, tuning.cosines)
    probability = answer_probability(fitted_model(tuning), signals)
    is_named = any(
        each.coverage >= WHOLE_COVERAGE
        or (
            each.piece.row is not None
            and bool(question.identifiers)
            and question.identifiers.issubset(identifiers(each.text))
        )
        for each in evidence[:NAMED_AMONG]
    )
    return max(probability, PROBABILITY_OF_NAMED) if is_named else probability


def evidence_signals(
    question: QuestionReading,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    scale: CosineScale = AS_IT_IS,
) -> EvidenceSignals | None:
    """The signals; None when there is no evidence. Takes .3 ms.

    Passages have the cosines of their search, which `scale` turns into those of the evidence.
    """
    best = [each for each in evidence if each.passage_rank < FLOOR_PASSAGES]
    if not best:
        return None
    compared = [each for each in best if each.vector is not None] or best
    best_cosine = max(each.cosine for each in compared)
    # Of the passages that the vectors found; others are farther away than all of these.
    parts = (part for source in context.sources for part in source.parts)
    searched = [scale.equated(part.cosine) for part in parts if part.cosine is not None]
    cosines = searched or [best_cosine]
    nearest, *following = sorted(cosines, reverse=True)[:FLOOR_PASSAGES]
    match question.constraints.answer_type.kind:
        case "person" | "number" | "time" | "place":
            answer_type = 1.0 if evidence[0].has_answer_type else -1.0
        case "code" | "reason" | "steps" | "decision" | "contact" | "other":
            answer_type = 0.0
        case kind:
            assert_never(kind)
    return EvidenceSignals(
        best_cosine=best_cosine,
        best_coverage=max(each.coverage for each in best),
        passage_cosine=nearest,
        passage_lead=nearest - fmean(following) if following else 0.0,
        answer_type=answer_type,
        names_missing=_names_missing(question, context.source(evidence[0].source_id)),
    )


def _names_missing(question: QuestionReading, source: Source | None) -> float:
    """The share of the question's names and numbers that the source lacks; 0 when it has none.

    A name is a word with a digit or a capital letter; the first word has a capital in any case.
    """
    words = enumerate(_WORD.findall(question.in_context))
    names = [
        word
        for place, word in words
        if _HAS_DIGIT.search(word)
        or (place and word[0].isupper() and word.casefold() not in STOP_WORDS)
    ]
    stems = content_stems(" ".join(names))
    if not stems or source is None:
        return 0.0
    passage = source.passage
    said = " ".join([passage.title or "", *passage.location["section"], passage.text])
    known = frozenset(content_stems(said))
    return sum(each not in known for each in stems) / len(stems)
