"""Tokens of several texts as the inputs of a network, and vectors of texts from its output."""

from collections.abc import Sequence
from typing import Literal, TypedDict, assert_never, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from kb.unit_vectors import Vectors

Pooling = Literal["mean", "cls"]
"""The way one vector is made of those of the tokens."""
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)

Shape = tuple[int, int]
"""Rows and tokens of a batch."""


class TokenBatch(TypedDict):
    """The inputs of a network, (rows, tokens) int64.

    `attention_mask` is 0 where there is no text, else 1; of several texts in one row, the number of
    each. `position_ids` count the tokens of a text.
    """

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    position_ids: NDArray[np.int64]
    token_type_ids: NDArray[np.int64]


def padded(encodings: Sequence[Encoding], shape: Shape) -> TokenBatch:
    """One row for each text, which is no longer; padded on the right with what the mask hides."""
    batch = _blank(shape)
    batch["position_ids"][:] = np.arange(shape[1])
    for row, encoding in enumerate(encodings):
        batch["input_ids"][row, : len(encoding)] = encoding.ids
        batch["attention_mask"][row, : len(encoding)] = 1
        batch["token_type_ids"][row, : len(encoding)] = encoding.type_ids
    return batch


def packed(encodings: Sequence[Encoding], tokens: int) -> TokenBatch:
    """One row for all texts, one after the other, which have no more tokens than that together."""
    batch = _blank((1, tokens))
    start = 0
    for number, encoding in enumerate(encodings, start=1):
        end = start + len(encoding)
        batch["input_ids"][0, start:end] = encoding.ids
        batch["attention_mask"][0, start:end] = number
        batch["position_ids"][0, start:end] = np.arange(len(encoding))
        batch["token_type_ids"][0, start:end] = encoding.type_ids
        start = end
    return batch


def _blank(shape: Shape) -> TokenBatch:
    return {
        "input_ids": np.zeros(shape, dtype=np.int64),
        "attention_mask": np.zeros(shape, dtype=np.int64),
        "position_ids": np.zeros(shape, dtype=np.int64),
        "token_type_ids": np.zeros(shape, dtype=np.int64),
    }


def unit_rows(hidden: NDArray[np.float32], mask: NDArray[np.int64], pooling: Pooling) -> Vectors:
    """The unit vector of each row of `hidden`, (rows, tokens, d), over the tokens of its mask."""
    match pooling:
        case "cls":
            pooled = hidden[:, 0]
        case "mean":
            weights = mask.astype(np.float32)
            summed = np.einsum("ntd,nt->nd", hidden, weights)
            pooled = summed / weights.sum(axis=1, keepdims=True)
        case _:
            assert_never(pooling)
    vectors: Vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return vectors


def unit_rows_of_packed(
    hidden: NDArray[np.float32], mask: NDArray[np.int64], pooling: Pooling
) -> Vectors:
    """The same for each text of one row; `hidden` is (1, tokens, d)."""
    lengths = np.bincount(mask[0])
    # Padding, 0, comes last.
    ends = np.cumsum(lengths[1:])
    starts = ends - lengths[1:]
    match pooling:
        case "cls":
            pooled = hidden[0, starts]
        case "mean":
            # A sum points the same way.
            pooled = np.add.reduceat(hidden[0, : ends[-1]], starts, axis=0)
        case _:
            assert_never(pooling)
    vectors: Vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return vectors
