"""The pieces of the context that may answer the question, scored and ranked."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from rank_bm25 import BM25Okapi

from app.answering.context import Context
from app.answering.evidence.candidates import Candidate, candidates_of
from app.answering.evidence.pieces import Piece
from app.answering.evidence.row_names import text_of_row
from app.answering.guard.instructions import is_instruction_to_reader
from app.answering.question.parts import Part, QuestionReading
from app.answering.question.spelling import corrected, spelled_stems
from app.retrieve.sentence_vectors import SentenceVectors
from kb.store.spaces import AS_IT_IS, CosineScale
from kb.unit_vectors import Vectors
from models.embedding import Embedder

COSINE_WEIGHT: Final = 0.75
PASSAGE_WEIGHT: Final = 0.75
PREVIOUS_WEIGHT: Final = 0.5
ANSWER_TYPE_WEIGHT: Final = 0.2
"""Beside coverage at 1 each: a logistic regression's weights, rounded (SQuAD2, 1142 questions).
Fitted without an article and measured on it, the first sentence holds the answer for .823, one of
three for .941; rounded, .824 and .941. Of SQuAD1 articles that were not used: .832 and .957 (1052).
"""

HEADING_WEIGHT: Final = 0.5
"""Of a question word in a heading, not in the sentence; of one in the title in any case, since it
does not distinguish the sentences of a document."""

LEANED_ON_WEIGHT: Final = 0.5
"""Of a word of the question before a follow-up, or of the first part of the question."""

MAX_EMBEDDED: Final = 9
"""Pieces that may be compared by vector, chosen by all other scores: with 8 or with 12 the right
first sentence is found as often, and each costs 3 ms."""

EMBEDDED_FIRST: Final = 4
"""Of these; then those that a cosine of 1 would put before the best of them. Of 590 questions of
SQuAD2 the first sentence and the first three hold the answer as often (.842, .941) as with all
nine embedded, for 57 % of their tokens."""

MIN_COSINE: Final = 0.5
MIN_COSINE_WITHOUT_TYPE: Final = 0.4
"""Of a piece that may name the attribute asked for in other words; without an answer type the
question often has a wider term for it, "what land", "which function", and so it has for a code:
"which document number"."""

MIN_COVERAGE: Final = 0.5
"""Of the question in such a piece in a language that the embedding model does not read."""

MAX_CHECKED: Final = 100
"""Pieces checked against the question's constraints; each costs some 30 microseconds."""

FLOOR_PASSAGES: Final = 5
"""The evidence floor looks at the best five passages: its threshold was calibrated so."""


@dataclass(frozen=True, kw_only=True)
class SentenceEvidence:
    """A piece of a source, and how well it fits the question.

    Attributes:
        coverage: idf-weighted share of the question's words, 0 to 1.
        cosine: of the piece and the question, -1 to 1; of one that is not embedded, the usual
            cosine of a piece with this coverage. In a language that the model does not read that
            distinguishes answerable from unanswerable better than cosines (AUROC of German, Spanish
            and Russian .86 to .88; by cosines .74 to .80).
        passage_score: the score of its passage over the best one's.
        passage_rank: the rank of its passage, from 0.
        previous_coverage: the coverage that the sentence before adds: "It was built in 1890."
        has_answer_type: it has a time, number or name, as the question expects, that is new.
        named_by: its titles, headings, columns and lead-in.
        background: `named_by` and, of a sentence, the text around it.
        part: the part of the question that it may answer, from 0.
        language: of its document, as far as it is known.
        vector: shape (d,); None in a language that the model does not read, and of a piece that no
            cosine would put first.
    """

    source_id: str
    piece: Piece
    coverage: float
    cosine: float
    passage_score: float
    passage_rank: int
    previous_coverage: float = 0.0
    has_answer_type: bool = False
    named_by: str = ""
    background: str = ""
    part: int = 0
    language: str | None = None
    vector: Vectors | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """Verbatim."""
        return self.piece.text

    @property
    def score(self) -> float:
        """The score that pieces are ranked by."""
        return self.score_without_vectors + COSINE_WEIGHT * self.cosine

    @property
    def score_without_vectors(self) -> float:
        """The part of the score that is known before embedding."""
        return (
            self.coverage
            + PASSAGE_WEIGHT * self.passage_score
            + PREVIOUS_WEIGHT * self.previous_coverage
            + ANSWER_TYPE_WEIGHT * self.has_answer_type
        )


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """The model that pieces are compared with, and the vectors it has made of them."""

    embedder: Embedder
    scale: CosineScale
    vectors: SentenceVectors
    document_by_source: Mapping[str, UUID]


def rank_sentences(
    question: QuestionReading,
    context: Context,
    embedder: Embedder,
    scale: CosineScale = AS_IT_IS,
    vectors: SentenceVectors | None = None,
) -> list[SentenceEvidence]:
    """The pieces that may answer the question, best first; at most MAX_EMBEDDED for each part.

    Headings, questions, lead-ins and instructions to the reader are no evidence. Neither is a piece
    about something else than the question, nor one without the answer type asked for or, unless its
    cosine is high, without the attribute asked for. The cosines are those of `scale`.
    What `vectors` remembers of earlier questions is not embedded again.
    """
    candidates = candidates_of(context)
    if not candidates:
        return []
    comparison = _Comparison(
        embedder=embedder,
        scale=scale,
        vectors=SentenceVectors(embedder.embed_passages) if vectors is None else vectors,
        document_by_source={each.id: each.passage.document_id for each in context.sources},
    )
    found = [
        replace(each, part=place)
        for place, part in enumerate(question.parts)
        for each in _evidence_for(part, candidates, comparison)
    ]
    return sorted(found, key=lambda each: -each.score)


def _evidence_for(
    part: Part,
    candidates: Sequence[Candidate],
    comparison: _Comparison,
) -> list[SentenceEvidence]:
    """The candidates that may answer this part."""
    constraints = part.constraints
    promising: list[SentenceEvidence] = []
    # Checked best first, until there are enough: it costs more than their scores.
    for each in _ranked_by_words(part, candidates)[:MAX_CHECKED]:
        text = each.text if each.piece.row is None else text_of_row(each.piece.row)
        is_about = not constraints.unmet(text, each.background)
        if (
            is_about
            and constraints.answer_type.is_held_by(each.text, each.named_by)
            and not is_instruction_to_reader(each.text)
        ):
            promising.append(each)
        if len(promising) == MAX_EMBEDDED:
            break
    has_type = constraints.answer_type.kind not in {"code", "other"}
    min_cosine = MIN_COSINE if has_type else MIN_COSINE_WITHOUT_TYPE
    found = []
    for each in _with_cosines(part, promising, comparison):
        is_read = each.vector is not None
        is_near = each.cosine >= min_cosine if is_read else each.coverage >= MIN_COVERAGE
        if is_near or not constraints.answer_type.lacks_attribute(each.text, each.named_by):
            found.append(each)
    return found


# --- By words ------------------------------------------------------------------------------------


def _ranked_by_words(part: Part, candidates: Sequence[Candidate]) -> list[SentenceEvidence]:
    """All candidates with their scores but the cosine, which is 0; the most promising first.

    Ordered by BM25 in place of coverage: the best hold the answer as often (.954 against .956 of
    1142 questions of SQuAD2). Ranked by BM25 to the end, the first holds it for .780, not .811.
    """
    languages = {each.language for each in candidates}
    known = frozenset[str]().union(*(each.stems | each.heading_stems for each in candidates))
    stems = spelled_stems(part.in_context.split(), languages, known)
    own_stems = spelled_stems(part.text.split(), languages, known) if part.leaned_on else stems
    counts = Counter(stem for candidate in candidates for stem in candidate.stems)
    weights_by_language = {
        each: _weights(stems[each], own_stems[each], counts, len(candidates)) for each in languages
    }
    scores = [0.0] * len(candidates)
    if counts:
        bm25 = BM25Okapi([sorted(each.stems) for each in candidates])
        scores_by_language = {each: bm25.get_scores(stems[each]) for each in languages}
        scores = [scores_by_language[each.language][place] for place, each in enumerate(candidates)]
    best_score = max(*scores, 1e-9)
    ordered: list[tuple[tuple[bool, float], SentenceEvidence]] = []
    for score, candidate in zip(scores, candidates, strict=True):
        evidence = _score_by_words(candidate, weights_by_language[candidate.language], part)
        fit = score / best_score + evidence.score_without_vectors - evidence.coverage
        # A procedure says what to do in words of its own.
        is_procedure = part.asks_how and candidate.piece.kind == "steps"
        ordered.append(((not is_procedure, -fit), evidence))
    return [evidence for _, evidence in sorted(ordered, key=lambda pair: pair[0])]


def _weights(
    stems: Sequence[str], own: Sequence[str], counts: Mapping[str, int], candidate_count: int
) -> dict[str, float]:
    """The weights of the question's stems, summing to 1; rare ones weigh more.

    Stems that are not the question's `own`, but of the one before it, weigh LEANED_ON_WEIGHT.

    idf(t) = 1 + ln(1 + (n - df + 0.5) / (df + 0.5)), n candidates of which df hold t. The 1 keeps
    a word that all passages share, since retrieval chose them by it, from counting nothing.
    """
    weights = {}
    for stem in stems:
        rarity = (candidate_count - counts[stem] + 0.5) / (counts[stem] + 0.5)
        weights[stem] = (1 if stem in own else LEANED_ON_WEIGHT) * (1 + math.log(1 + rarity))
    total = sum(weights.values())
    return {stem: weight / total for stem, weight in weights.items()}


def _score_by_words(
    candidate: Candidate, weights: Mapping[str, float], part: Part
) -> SentenceEvidence:
    """The candidate with all scores but the cosine."""
    coverage = previous_coverage = 0.0
    for stem, weight in weights.items():
        if stem in candidate.stems and stem not in candidate.title_stems:
            coverage += weight
        elif stem in candidate.heading_stems:
            coverage += HEADING_WEIGHT * weight
        if stem in candidate.previous_stems and stem not in candidate.stems:
            previous_coverage += weight
    return SentenceEvidence(
        source_id=candidate.source_id,
        piece=candidate.piece,
        coverage=coverage,
        cosine=0.0,
        passage_score=candidate.passage_score,
        passage_rank=candidate.passage_rank,
        previous_coverage=previous_coverage,
        has_answer_type=part.constraints.answer_type.is_named_in(candidate.piece.text),
        named_by=candidate.named_by,
        background=candidate.background,
        language=candidate.language,
    )


# --- By vectors ----------------------------------------------------------------------------------


def _with_cosines(
    part: Part,
    evidence: Sequence[SentenceEvidence],
    comparison: _Comparison,
) -> list[SentenceEvidence]:
    """The evidence with its cosines; what cannot be the best has the usual one."""
    embedder = comparison.embedder
    read = embedder.languages
    text_by_place = {
        place: _cut_to_window(each.piece.text_with_lead_in, embedder)
        for place, each in enumerate(evidence)
        if read is None or each.language is None or each.language in read
    }
    # As in English: a piece with a fifth of the question has .37, one with .6 of it .6.
    compared = [replace(each, cosine=0.25 + 0.6 * each.coverage) for each in evidence]
    if not text_by_place:
        return compared
    spelled = corrected(part.in_context, [each.text for each in evidence])
    asked = embedder.embed_queries([spelled])[0]

    def compare(places: Sequence[int]) -> None:
        documents = comparison.document_by_source
        vectors = comparison.vectors.embed(
            [(documents[evidence[place].source_id], text_by_place[place]) for place in places]
        )
        for place, vector in zip(places, vectors, strict=True):
            cosine = comparison.scale.equated(float(vector @ asked))
            compared[place] = replace(evidence[place], cosine=cosine, vector=vector)

    first, rest = list(text_by_place)[:EMBEDDED_FIRST], list(text_by_place)[EMBEDDED_FIRST:]
    compare(first)
    best_score = max(compared[place].score for place in first)
    compare(
        [
            place
            for place in rest
            if evidence[place].score_without_vectors + COSINE_WEIGHT >= best_score
        ]
    )
    return compared


def _cut_to_window(text: str, embedder: Embedder) -> str:
    """The text, cut to what the model reads: a sentence over two joined chunks may be longer."""
    # No tokenizer makes more tokens than characters, the model's own two apart.
    while len(text) > embedder.max_tokens - 2:
        count = embedder.count_tokens([text])[0]
        if count <= embedder.max_tokens:
            break
        text = text[: len(text) * embedder.max_tokens // (count + 8)]
    return text
