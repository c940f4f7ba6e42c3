"""Which sentences of the context answer the question, and is there evidence at all?"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np

from app.context import Context, Source
from app.generate.answer_type import wanted_kind
from app.generate.instructions import is_instruction_to_reader
from kb.embedding import Embedder
from kb.text import Span, content_stems, sentences

COSINE_WEIGHT: Final = 0.75
PASSAGE_WEIGHT: Final = 0.75
PREVIOUS_WEIGHT: Final = 0.5
ANSWER_TYPE_WEIGHT: Final = 0.2
"""Beside coverage at 1 each: a logistic regression's weights, rounded (SQuAD2, 1142 questions).
Fitted without an article and measured on it, the first sentence holds the answer for .823, one of
three for .941; rounded, .824 and .941. Of SQuAD1 articles that were not used: .832 and .957 (1052).
"""

HEADING_WEIGHT: Final = 0.5
"""What a question word counts that stands in the title or a heading, not in the sentence."""

MAX_EMBEDDED: Final = 10
"""Sentences compared by vector, after all else has chosen them: with 8 or with 12 the right first
sentence is found as often, and each costs 3 ms."""

FLOOR_PASSAGES: Final = 5
"""The evidence floor looks at the best five passages: its threshold was calibrated so."""

MAX_LIST_CHARS: Final = 400
"""A list is one piece of evidence with the line that leads to it, up to this length."""

MAX_HEADING_WORDS: Final = 8
_LIST_ITEM: Final = re.compile(r"\s*(?:[-*\u2022\u25e6\u25aa\u2013]|\(?(?:\d{1,2}|[a-z])[.)])\s")
_ENDS_SENTENCE: Final = re.compile(r"[.!?:;\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*$")


@dataclass(frozen=True, kw_only=True)
class SentenceEvidence:
    """A sentence of a source, verbatim, and how well it fits the question.

    Attributes:
        coverage: idf-weighted share of the question's words, 0 to 1.
        cosine: of the sentence and the question, -1 to 1.
        passage_score: its passage's score over the best one's.
        passage_rank: of its passage, from 0.
        previous_coverage: what the sentence before it adds to its coverage: "It was built in 1890."
        has_answer_type: it names a time, number or name, as the question wants, that is new.
        lead_in: the line that leads to the list of which it is an item, verbatim; else empty.
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
class _Piece:
    """What may be quoted; `lead_in` is empty where the piece itself holds it."""

    text: str
    lead_in: str = ""


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    source_id: str
    piece: _Piece
    stems: frozenset[str]
    previous_stems: frozenset[str]
    heading_stems: frozenset[str]
    passage_score: float
    passage_rank: int


def rank_sentences(question: str, context: Context, embedder: Embedder) -> list[SentenceEvidence]:
    """The sentences that may answer the question, best first; at most MAX_EMBEDDED.

    Headings, questions, lead-ins and instructions to the reader are no evidence.
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
    unread = sorted(_unread(question, candidates), key=lambda each: -each.score_without_vectors)
    # Only the best are asked whether they are instructions: it costs more than their scores.
    stating = (each for each in unread if not is_instruction_to_reader(each.text))
    promising = list(islice(stating, MAX_EMBEDDED))
    cosines = _cosines(question, [each.text for each in promising], embedder)
    evidence = [
        replace(each, cosine=cosine) for each, cosine in zip(promising, cosines, strict=True)
    ]
    return sorted(evidence, key=lambda each: -each.score)


# --- Candidates ----------------------------------------------------------------------------------


def _candidates(source: Source, rank: int, passage_score: float) -> Iterator[_Candidate]:
    passage = source.passage
    headings = " ".join([passage.title or "", *passage.location["section"]])
    known = frozenset(content_stems(headings))
    under: frozenset[str] = frozenset()
    previous: frozenset[str] = frozenset()
    for piece in _pieces(passage.text):
        stems = frozenset(content_stems(f"{piece.lead_in} {piece.text}"))
        if _is_heading(piece.text):
            under, previous = stems, frozenset()
        elif not piece.text.endswith(("?", ":")):
            yield _Candidate(
                source_id=source.id,
                piece=piece,
                stems=stems,
                # A row or an item does not go on with what the one before it says.
                previous_stems=previous if _is_prose(piece.text) else frozenset(),
                heading_stems=known | under,
                passage_score=passage_score,
                passage_rank=rank,
            )
            previous = stems


def _pieces(text: str) -> Iterator[_Piece]:
    """Sentences; a list goes with the line that leads to it, which says what its items are.

    Of a list too long to quote, the items that do not fit stand alone and remember that line.
    """
    lead_in: Span | None = None
    open_list: Span | None = None
    for sentence in sentences(text):
        piece = text[sentence.start : sentence.end]
        is_item = _LIST_ITEM.match(piece) is not None
        if open_list and is_item and sentence.end - open_list.start <= MAX_LIST_CHARS:
            open_list = Span(open_list.start, sentence.end)
            continue
        if open_list:
            yield _Piece(text=text[open_list.start : open_list.end])
            open_list = None
        if piece.endswith(":"):
            lead_in = open_list = sentence
        elif is_item and lead_in:
            yield _Piece(text=piece, lead_in=text[lead_in.start : lead_in.end])
        else:
            lead_in = None
            yield _Piece(text=piece)
    if open_list:
        yield _Piece(text=text[open_list.start : open_list.end])


def _is_prose(text: str) -> bool:
    return "|" not in text and not _LIST_ITEM.match(text)


def _is_heading(text: str) -> bool:
    is_short = len(text.split()) <= MAX_HEADING_WORDS and "\n" not in text
    is_data = "|" in text or ":" in text or any(map(str.isdigit, text)) or _LIST_ITEM.match(text)
    is_unspaced = len(text.split()) == 1 and not text.isascii()
    return is_short and not is_data and not is_unspaced and not _ENDS_SENTENCE.search(text)


# --- Scores --------------------------------------------------------------------------------------


def _unread(question: str, candidates: Sequence[_Candidate]) -> Iterator[SentenceEvidence]:
    """The candidates with all scores but the cosine, which is 0."""
    weights = _weights(content_stems(question), candidates)
    expected = wanted_kind(question)
    for each in candidates:
        text = each.piece.text
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
            has_answer_type=expected is not None and not expected.is_missing_in(text, ""),
            lead_in=each.piece.lead_in,
        )


def _weights(question: Sequence[str], candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Of the question's words, summing to 1; rare ones among the candidates weigh more.

    idf(t) = 1 + ln(1 + (n - df + 0.5) / (df + 0.5)), n sentences of which df hold t. The 1 keeps
    a word that all passages share, since retrieval chose them by it, from counting nothing.
    """
    counts = Counter(stem for candidate in candidates for stem in candidate.stems)
    weights = {
        stem: 1 + math.log(1 + (len(candidates) - counts[stem] + 0.5) / (counts[stem] + 0.5))
        for stem in dict.fromkeys(question)
    }
    total = sum(weights.values())
    return {stem: weight / total for stem, weight in weights.items()}


def _hold(stem: str, candidate: _Candidate) -> float:
    if stem in candidate.stems:
        return 1.0
    return HEADING_WEIGHT if stem in candidate.heading_stems else 0.0


def _cosines(question: str, texts: Sequence[str], embedder: Embedder) -> list[float]:
    asked = embedder.embed_queries([question])[0]
    rows = embedder.embed_passages([_within(text, embedder) for text in texts])
    return [float(cosine) for cosine in np.asarray(rows @ asked)]


def _within(text: str, embedder: Embedder) -> str:
    """The text, cut to what the model reads: a sentence over two joined chunks may be longer."""
    # No tokenizer makes more tokens than characters, the model's own two apart.
    while len(text) > embedder.max_tokens - 2:
        count = embedder.count_tokens([text])[0]
        if count <= embedder.max_tokens:
            break
        text = text[: len(text) * embedder.max_tokens // (count + 8)]
    return text
