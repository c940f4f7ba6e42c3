"""An embedding model's network, run by openvino and the tokenizers' library alone.

sentence-transformers runs one batch on all cores; a small batch on each of two cores costs a
quarter less.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypedDict, assert_never, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.bert_network import HIDDEN

if TYPE_CHECKING:
    from openvino import InferRequest, Model  # type: ignore[import-untyped]  # ships no types

Pooling = Literal["mean", "cls"]
"""The way one vector is made of those of the tokens."""
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)

LENGTH_STEP: Final = 8
"""Batches are as long as a multiple of it: openvino keeps 1.1 MB of code for every shape it meets.

Steps of 8 take 40 % less memory than of 1 after texts of all lengths, and no more processor time.
"""


class _Batch(TypedDict):
    """The network's inputs, (rows, tokens) int64."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    token_type_ids: NDArray[np.int64]


class OpenvinoRunner:
    """Gives the vectors that sentence-transformers would give; one caller at a time."""

    def __init__(
        self,
        network: "Model",
        vocabulary: Path,
        *,
        pooling: Pooling,
        max_tokens: int,
        batch_size: int,
    ) -> None:
        """Compiles the network in 0.3 s; `vocabulary` is a `tokenizer.json`."""
        # Cannot be installed everywhere: the torch backend does without.
        from openvino import AsyncInferQueue, compile_model  # noqa: PLC0415

        self.max_tokens = max_tokens
        self._pooling = pooling
        self._batch_size = batch_size
        self.counter = Tokenizer.from_file(str(vocabulary))
        """Counts tokens, and never cuts off."""
        self.counter.no_truncation()
        self.counter.no_padding()
        self._tokenizer = Tokenizer.from_file(str(vocabulary))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        compiled = compile_model(network, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
        self._inputs = {name for each in compiled.inputs for name in each.names}
        self.dimension = int(compiled.output(HIDDEN).partial_shape[2].get_length())
        self._queue = AsyncInferQueue(compiled)
        self._queue.set_callback(self._take)

    def encode(self, texts: Sequence[str], *, may_cut: bool) -> NDArray[np.float32]:
        """One unit row for each text; ValueError for one beyond `max_tokens` unless it may be cut.

        Longest first in batches of similar length, for padding costs as much as text.
        """
        tokens = self._tokenizer.encode_batch_fast(list(texts))
        if not may_cut and any(each.overflowing for each in tokens):
            raise ValueError(f"A text is longer than the model's {self.max_tokens} tokens.")
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)
        order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            # Padded on the right with what the mask hides.
            longest = -(-len(tokens[rows[0]]) // LENGTH_STEP) * LENGTH_STEP
            shape = (len(rows), min(longest, self.max_tokens))
            batch: _Batch = {
                "input_ids": np.zeros(shape, dtype=np.int64),
                "attention_mask": np.zeros(shape, dtype=np.int64),
                "token_type_ids": np.zeros(shape, dtype=np.int64),
            }
            for place, row in enumerate(rows):
                encoding = tokens[row]
                batch["input_ids"][place, : len(encoding)] = encoding.ids
                batch["attention_mask"][place, : len(encoding)] = 1
                batch["token_type_ids"][place, : len(encoding)] = encoding.type_ids
            inputs = {name: value for name, value in batch.items() if name in self._inputs}
            self._queue.start_async(inputs, (vectors, rows, batch["attention_mask"]))
        self._queue.wait_all()
        return vectors

    def _take(
        self,
        request: "InferRequest",
        target: tuple[NDArray[np.float32], list[int], NDArray[np.int64]],
    ) -> None:
        """Writes a finished batch's rows where they belong."""
        vectors, rows, mask = target
        hidden: NDArray[np.float32] = request.get_tensor(HIDDEN).data
        match self._pooling:
            case "cls":
                pooled = hidden[:, 0]
            case "mean":
                # Over the tokens that the mask shows.
                weights = mask.astype(np.float32)
                summed = np.einsum("ntd,nt->nd", hidden, weights)
                pooled = summed / weights.sum(axis=1, keepdims=True)
            case _:
                assert_never(self._pooling)
        vectors[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
