"""Which sentences of the context answer the question, and is there evidence at all?"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from app.context import Context, Source
from app.generate.instructions import is_instruction_to_reader
from kb.embedding import Embedder
from kb.text import Span, content_stems, sentences

PASSAGE_WEIGHT: Final = 0.5
"""Of the passage's score beside coverage and cosine at 1 each. From 0 to 1 and with any weights
between 0.5 and 1.3 the share of right first sentences stays within 1 point (SQuAD2, half of the
articles), so round numbers."""

HEADING_WEIGHT: Final = 0.5
"""What a question word counts that stands in the title or a heading, not in the sentence."""

MAX_EMBEDDED: Final = 12
"""Sentences compared by vector, after coverage and passage score have chosen them: with more, the
right first sentence is found no more often, and each costs 3 ms."""

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

    `coverage`: idf-weighted share of the question's words, 0 to 1. `cosine`: -1 to 1.
    `passage_score`: its passage's score over the best one's. `passage_rank` counts from 0.
    """

    source_id: str
    text: str
    coverage: float
    cosine: float
    passage_score: float
    passage_rank: int

    @property
    def score(self) -> float:
        """What sentences are ranked by."""
        return self.coverage + self.cosine + PASSAGE_WEIGHT * self.passage_score


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    source_id: str
    text: str
    stems: frozenset[str]
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
    coverages = _coverages(content_stems(question), candidates)
    order = sorted(
        range(len(candidates)),
        key=lambda i: -(coverages[i] + PASSAGE_WEIGHT * candidates[i].passage_score),
    )
    # Only the best are asked whether they are instructions: it costs more than their scores.
    stating = (i for i in order if not is_instruction_to_reader(candidates[i].text))
    order = list(islice(stating, MAX_EMBEDDED))
    cosines = _cosines(question, [candidates[i].text for i in order], embedder)
    evidence = [
        SentenceEvidence(
            source_id=candidates[i].source_id,
            text=candidates[i].text,
            coverage=coverages[i],
            cosine=cosine,
            passage_score=candidates[i].passage_score,
            passage_rank=candidates[i].passage_rank,
        )
        for i, cosine in zip(order, cosines, strict=True)
    ]
    return sorted(evidence, key=lambda each: -each.score)


def evidence_score(evidence: Sequence[SentenceEvidence]) -> float:
    """How much speaks for there being an answer: the best sum of coverage and cosine, 0 to 2.

    Only of the five best passages; 0 without evidence. It cannot see that a passage on the very
    subject leaves out what was asked: only a reader can.
    """
    return max(
        (each.coverage + each.cosine for each in evidence if each.passage_rank < FLOOR_PASSAGES),
        default=0.0,
    )


# --- Candidates ----------------------------------------------------------------------------------


def _candidates(source: Source, rank: int, passage_score: float) -> Iterator[_Candidate]:
    passage = source.passage
    headings = " ".join([passage.title or "", *passage.location["section"]])
    known = frozenset(content_stems(headings))
    under: frozenset[str] = frozenset()
    for start, end in _pieces(passage.text):
        text = passage.text[start:end]
        if _is_heading(text):
            under = frozenset(content_stems(text))
        elif not text.endswith(("?", ":")):
            yield _Candidate(
                source_id=source.id,
                text=text,
                stems=frozenset(content_stems(text)),
                heading_stems=known | under,
                passage_score=passage_score,
                passage_rank=rank,
            )


def _pieces(text: str) -> Iterator[Span]:
    """Sentences; a list goes with the line that leads to it, which says what its items are."""
    open_list: Span | None = None
    for sentence in sentences(text):
        piece = text[sentence.start : sentence.end]
        is_item = _LIST_ITEM.match(piece) is not None
        if open_list and is_item and sentence.end - open_list.start <= MAX_LIST_CHARS:
            open_list = Span(open_list.start, sentence.end)
            continue
        if open_list:
            yield open_list
            open_list = None
        if piece.endswith(":"):
            open_list = sentence
        else:
            yield sentence
    if open_list:
        yield open_list


def _is_heading(text: str) -> bool:
    is_short = len(text.split()) <= MAX_HEADING_WORDS and "\n" not in text
    is_data = "|" in text or ":" in text or any(map(str.isdigit, text)) or _LIST_ITEM.match(text)
    is_unspaced = len(text.split()) == 1 and not text.isascii()
    return is_short and not is_data and not is_unspaced and not _ENDS_SENTENCE.search(text)


# --- Scores --------------------------------------------------------------------------------------


def _coverages(question: Sequence[str], candidates: Sequence[_Candidate]) -> list[float]:
    """Weight of the question's words in each sentence; rare ones among the candidates weigh more.

    idf(t) = 1 + ln(1 + (n - df + 0.5) / (df + 0.5)), n sentences of which df hold t. The 1 keeps
    a word that all passages share, since retrieval chose them by it, from counting nothing.
    """
    counts = Counter(stem for candidate in candidates for stem in candidate.stems)
    weights = {
        stem: 1 + math.log(1 + (len(candidates) - counts[stem] + 0.5) / (counts[stem] + 0.5))
        for stem in dict.fromkeys(question)
    }
    total = sum(weights.values()) or 1.0
    return [
        sum(weight * _hold(stem, candidate) for stem, weight in weights.items()) / total
        for candidate in candidates
    ]


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
