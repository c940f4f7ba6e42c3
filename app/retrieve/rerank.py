"""The best candidates in the order of a cross-encoder, which reads question and passage together.

Source: Nogueira, Cho, Passage Re-ranking with BERT, 2019, arXiv:1901.04085.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.passages import Passage

RERANKED_PASSAGES = 50
"""Passages that are read again; those behind them keep their place. Each costs a small
cross-encoder some milliseconds of a core, so that many more would be felt."""


class PassageScorer(Protocol):
    """A cross-encoder as the rest of Footnote uses it."""

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n,) float32, higher is better."""


async def rerank(
    question: str, passages: Sequence[Passage], scorer: PassageScorer
) -> list[Passage]:
    """The passages, best first by the cross-encoder, ties as they came."""
    # The title says what a passage from the middle of a document is about.
    texts = [f"{each.title}\n{each.text}" if each.title else each.text for each in passages]
    scores = await asyncio.to_thread(scorer.scores, question, texts)
    # A stable sort of the negated scores keeps ties as they came.
    order = np.argsort(-scores, kind="stable")
    return [replace(passages[index], rerank=float(scores[index])) for index in order]
