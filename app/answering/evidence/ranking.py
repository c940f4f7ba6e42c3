"""Which sentences of the context answer the question, and is there evidence at all?"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from rank_bm25 import BM25Okapi

from app.answering.context import Context, Source
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.evidence.row_tables import said_of
from app.answering.guard.instructions import is_instruction_to_reader
from app.answering.question.asked import asks_how
from app.answering.question.constraints import Constraints
from app.answering.question.parts import Part, parts_in
from app.answering.question.spelling import corrected, spelled_stems
from kb.passages import Passage
from kb.unit_vectors import Vectors
from language.stems import content_stems
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
"""What a question word counts that stands in a heading, not in the sentence; and one of the title
in any case, since it does not tell one sentence of the document from another."""

LEANED_ON_WEIGHT: Final = 0.5
"""Of a word of the question before a follow-up, or of the part before another."""

MAX_EMBEDDED: Final = 9
"""Sentences compared by vector, after all else has chosen them: with 8 or with 12 the right first
sentence is found as often, and each costs 3 ms."""

MIN_COSINE: Final = 0.5
MIN_COSINE_WITHOUT_TYPE: Final = 0.4
"""Of a piece in which the attribute asked for may stand in other words, as it often does where a
question names a wider term: "what land", "which function"."""

MIN_COVERAGE: Final = 0.5
"""Of the question in such a piece where the embedding model does not read its language."""

MAX_WEIGHED: Final = 100
"""Pieces looked at for what the question pins down; each costs some 30 microseconds."""

MAX_AROUND_CHARS: Final = 6_000
"""Of the passage around a sentence, which tells what it is about; the same text for all of its
sentences is read once."""

FLOOR_PASSAGES: Final = 5
"""The evidence floor looks at the best five passages: its threshold was calibrated so."""


@dataclass(frozen=True, kw_only=True)
class SentenceEvidence:
    """A sentence of a source, verbatim, and how well it fits the question.

    Attributes:
        coverage: idf-weighted share of the question's words, 0 to 1.
        cosine: of the sentence and the question, -1 to 1; of a language that the model does not
            read what a cosine would be at this coverage, which tells answerable from unanswerable
            better (AUROC of German, Spanish and Russian .86 to .88; by cosines .74 to .80).
        passage_score: its passage's score over the best one's.
        passage_rank: of its passage, from 0.
        previous_coverage: what the sentence before it adds to its coverage: "It was built in 1890."
        has_answer_type: it names a time, number or name, as the question wants, that is new.
        lead_in: the line that leads to the list of which it is an item, verbatim; else empty.
        background: what tells what it is about: titles, headings, columns, the text around it.
        named_by: of these the titles, headings, columns and lead-in.
        part: of the question, from 0.
        language: of its document, as far as it is known.
        vector: of the sentence, shape (d,); None where the model does not read its language.
    """

    source_id: str
    text: str
    coverage: float
    cosine: float
    passage_score: float
    passage_rank: int
    previous_coverage: float = 0.0
    has_answer_type: bool = False
    lead_in: str = ""
    piece: Piece | None = None
    background: str = ""
    named_by: str = ""
    part: int = 0
    language: str | None = None
    vector: Vectors | None = field(default=None, repr=False, compare=False)

    @property
    def score(self) -> float:
        """What sentences are ranked by."""
        return self.score_without_vectors + COSINE_WEIGHT * self.cosine

    @property
    def score_without_vectors(self) -> float:
        """What is known of it before it is embedded."""
        return (
            self.coverage
            + PASSAGE_WEIGHT * self.passage_score
            + PREVIOUS_WEIGHT * self.previous_coverage
            + ANSWER_TYPE_WEIGHT * self.has_answer_type
        )


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    source_id: str
    background: str
    named_by: str
    piece: Piece
    language: str | None
    stems: frozenset[str]
    previous_stems: frozenset[str]
    heading_stems: frozenset[str]
    title_stems: frozenset[str]
    passage_score: float
    passage_rank: int


def rank_sentences(
    question: str, context: Context, embedder: Embedder, *, in_context: str | None = None
) -> list[SentenceEvidence]:
    """The pieces that may answer the question, best first; at most MAX_EMBEDDED for each part.

    Headings, questions, lead-ins and instructions to the reader are no evidence, nor is what is
    about another thing than the question pins down, or lacks the kind of thing that it asks for or,
    unless it is near to the question, the attribute.

    Args:
        question: as it was put.
        context: the sources.
        embedder: compares the best of them.
        in_context: the question behind the one that it leans on.
    """
    ranked = sorted(context.sources, key=lambda source: -source.passage.score)
    best = max((source.passage.score for source in ranked), default=0.0)
    candidates = [
        candidate
        for rank, source in enumerate(ranked)
        for candidate in _candidates(source, rank, source.passage.score / best if best > 0 else 0.0)
    ]
    if not candidates:
        return []
    vectors: dict[str, Vectors] = {}
    found = [
        replace(each, part=place)
        for place, part in enumerate(parts_in(question, in_context or question))
        for each in _rank(part, candidates, embedder, vectors)
    ]
    return sorted(found, key=lambda each: -each.score)


def _rank(
    part: Part,
    candidates: Sequence[_Candidate],
    embedder: Embedder,
    vectors: dict[str, Vectors],
) -> list[SentenceEvidence]:
    constraints = part.constraints
    unread = _by_words(part, candidates)
    # Asked of the best only, until there are enough: it costs more than their scores.
    stating = (
        each
        for each in unread[:MAX_WEIGHED]
        if _may_answer(constraints, each) and not is_instruction_to_reader(each.text)
    )
    promising = list(islice(stating, MAX_EMBEDDED))
    if not promising:
        return []
    evidence = _with_cosines(part.in_context, promising, embedder, vectors)
    return [each for each in evidence if _may_hold(constraints, each)]


def _may_hold(constraints: Constraints, evidence: SentenceEvidence) -> bool:
    """True unless the attribute asked for stands there in no form, and the text is not near."""
    if evidence.vector is None:
        is_near = evidence.coverage >= MIN_COVERAGE
    else:
        is_typed = constraints.expected.kind != "other"
        is_near = evidence.cosine >= (MIN_COSINE if is_typed else MIN_COSINE_WITHOUT_TYPE)
    return is_near or not constraints.lacks_attribute(evidence.text, evidence.named_by)


# --- Candidates ----------------------------------------------------------------------------------


def _candidates(source: Source, rank: int, passage_score: float) -> Iterator[_Candidate]:
    passage = source.passage
    headings = " ".join([passage.title or "", *passage.location["section"]])
    language = passage.language
    known = frozenset(content_stems(headings, language))
    title = frozenset(content_stems(passage.title or "", language))
    previous: frozenset[str] = frozenset()
    heading = ""
    for piece in pieces_of(passage):
        stems = frozenset(content_stems(_told_as(piece), language))
        if piece.heading != heading:
            heading, previous = piece.heading, frozenset()
        yield _Candidate(
            source_id=source.id,
            piece=piece,
            language=language,
            background=background_of(passage, piece),
            named_by=named_by(passage, piece),
            stems=stems,
            previous_stems=previous
            if piece.kind == "sentence" and not piece.whole and "|" not in piece.text
            else frozenset(),
            heading_stems=known | frozenset(content_stems(heading, language)),
            title_stems=title,
            passage_score=passage_score,
            passage_rank=rank,
        )
        previous = stems


def _told_as(piece: Piece) -> str:
    """What is read of a piece: an item with the line that leads to it, a list with its heading."""
    above = piece.heading if piece.items else piece.lead_in
    return f"{above}\n{piece.text}" if above else piece.text


def background_of(passage: Passage, piece: Piece) -> str:
    """What tells what the piece is about: `named_by` it, and of a sentence also its passage.

    A row or an item does not go on with what the one before it says.
    """
    if piece.row is not None or piece.whole or piece.kind != "sentence":
        return named_by(passage, piece)
    return f"{named_by(passage, piece)}\n{passage.text[:MAX_AROUND_CHARS]}"


def named_by(passage: Passage, piece: Piece) -> str:
    """The title, the headings, the lead-in and the columns."""
    names = [passage.title or "", *passage.location["section"], piece.heading, piece.lead_in]
    if piece.row is not None:
        names += [f"{cell.column} {cell.unit}" for cell in piece.row.cells]
    return "\n".join(dict.fromkeys(filter(None, names)))


def _may_answer(constraints: Constraints, evidence: SentenceEvidence) -> bool:
    """True for a text that is about what the question pins down and holds what it asks for."""
    row = evidence.piece.row if evidence.piece else None
    said = evidence.text if row is None else said_of(row)
    return not constraints.unmet(said, evidence.background) and not constraints.lacks_answer(
        evidence.text, evidence.named_by
    )


# --- Scores --------------------------------------------------------------------------------------


def _unread(
    part: Part, asked: Mapping[str | None, Sequence[str]], candidates: Sequence[_Candidate]
) -> Iterator[SentenceEvidence]:
    """The candidates with all scores but the cosine, which is 0; `asked` as `_spelled` gives it."""
    own = _spelled(part.text, candidates)
    weights_by_language = {
        language: _weights(stems, candidates, own=frozenset(own[language]))
        for language, stems in asked.items()
    }
    expected = part.constraints.expected
    for each in candidates:
        text = each.piece.text
        weights = weights_by_language[each.language]
        yield SentenceEvidence(
            source_id=each.source_id,
            text=text,
            coverage=sum(weight * _hold(stem, each) for stem, weight in weights.items()),
            cosine=0.0,
            passage_score=each.passage_score,
            passage_rank=each.passage_rank,
            previous_coverage=sum(
                weight
                for stem, weight in weights.items()
                if stem in each.previous_stems and stem not in each.stems
            ),
            has_answer_type=expected.is_named_in(text),
            lead_in=each.piece.lead_in,
            piece=each.piece,
            background=each.background,
            named_by=each.named_by,
            language=each.language,
        )


def _by_words(part: Part, candidates: Sequence[_Candidate]) -> list[SentenceEvidence]:
    """The candidates that most likely answer first, before any is embedded.

    By BM25 in place of coverage: the best hold the answer as often (.954 against .956 of 1142
    questions of SQuAD2). Ranked by BM25 to the end, the first holds it for .780 instead of .811.
    """
    asked = _spelled(part.in_context, candidates)
    unread = list(_unread(part, asked, candidates))
    told = [sorted(each.stems) for each in candidates]
    if not any(told):
        return unread
    bm25 = BM25Okapi(told)
    scores_by_language = {language: bm25.get_scores(stems) for language, stems in asked.items()}
    scores = [scores_by_language[each.language][at] for at, each in enumerate(candidates)]
    best = max(*scores, 1e-9)
    wants_steps = asks_how(part.text)
    ordered = sorted(
        zip(scores, unread, strict=True),
        key=lambda pair: (
            # A procedure says what to do in words of its own.
            not (wants_steps and pair[1].piece and pair[1].piece.kind == "steps"),
            -(pair[0] / best + pair[1].score_without_vectors - pair[1].coverage),
        ),
    )
    return [each for _, each in ordered]


def _spelled(question: str, candidates: Sequence[_Candidate]) -> dict[str | None, list[str]]:
    known = frozenset().union(*(each.stems | each.heading_stems for each in candidates))
    return spelled_stems(question, {each.language for each in candidates}, known)


def _weights(
    question: Sequence[str], candidates: Sequence[_Candidate], *, own: frozenset[str]
) -> dict[str, float]:
    """Of the question's words, summing to 1; rare ones among the candidates weigh more.

    Words that are not its `own`, but of what it leans on, weigh LEANED_ON_WEIGHT of it.

    idf(t) = 1 + ln(1 + (n - df + 0.5) / (df + 0.5)), n sentences of which df hold t. The 1 keeps
    a word that all passages share, since retrieval chose them by it, from counting nothing.
    """
    counts = Counter(stem for candidate in candidates for stem in candidate.stems)
    weights = {
        stem: (1 if stem in own else LEANED_ON_WEIGHT)
        * (1 + math.log(1 + (len(candidates) - counts[stem] + 0.5) / (counts[stem] + 0.5)))
        for stem in dict.fromkeys(question)
    }
    total = sum(weights.values())
    return {stem: weight / total for stem, weight in weights.items()}


def _hold(stem: str, candidate: _Candidate) -> float:
    if stem in candidate.stems and stem not in candidate.title_stems:
        return 1.0
    return HEADING_WEIGHT if stem in candidate.heading_stems else 0.0


def _with_cosines(
    question: str,
    evidence: Sequence[SentenceEvidence],
    embedder: Embedder,
    vectors: dict[str, Vectors],
) -> list[SentenceEvidence]:
    """The evidence with its cosines; `vectors` are those of texts that were embedded already."""
    read = embedder.languages
    placed = [
        place
        for place, each in enumerate(evidence)
        if read is None or each.language is None or each.language in read
    ]
    judged = [replace(each, cosine=_instead_of_cosine(each)) for each in evidence]
    if placed:
        spelled = corrected(question, [each.text for each in evidence])
        asked = embedder.embed_queries([spelled])[0]
        told = (
            _told_as(each.piece) if each.piece else each.text
            for each in map(evidence.__getitem__, placed)
        )
        texts = [_within(each, embedder) for each in told]
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        if new:
            vectors.update(zip(new, embedder.embed_passages(new), strict=True))
        for place, vector in zip(placed, map(vectors.__getitem__, texts), strict=True):
            judged[place] = replace(evidence[place], cosine=float(vector @ asked), vector=vector)
    return judged


def _instead_of_cosine(evidence: SentenceEvidence) -> float:
    """As in English: a sentence with a fifth of the question has .37, one with .6 of it .6."""
    return 0.25 + 0.6 * evidence.coverage


def _within(text: str, embedder: Embedder) -> str:
    """The text, cut to what the model reads: a sentence over two joined chunks may be longer."""
    # No tokenizer makes more tokens than characters, the model's own two apart.
    while len(text) > embedder.max_tokens - 2:
        count = embedder.count_tokens([text])[0]
        if count <= embedder.max_tokens:
            break
        text = text[: len(text) * embedder.max_tokens // (count + 8)]
    return text
