"""An embedding model's network, run by openvino and the tokenizers' library alone.

sentence-transformers runs one batch on all cores; a small batch on each of two cores costs a
quarter less.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from tokenizers import Encoding, Tokenizer

from kb.unit_vectors import Vectors
from models.bert_network import HIDDEN
from models.short_questions import LONGEST, ShortQuestions
from models.token_batches import (
    Pooling,
    TokenBatch,
    packed,
    padded,
    unit_rows,
    unit_rows_of_packed,
)

if TYPE_CHECKING:
    from openvino import InferRequest, Model  # type: ignore[import-untyped]  # ships no types

LENGTH_STEP: Final = 8
"""Batches are as long as a multiple of it: openvino keeps 1.1 MB of code for every shape it meets.

Steps of 8 take 40 % less memory than of 1 after texts of all lengths, and no more processor time.
"""


LONGEST_ROW: Final = 256
"""Tokens of texts that are computed in one row, without padding between them. Six sentences of an
answer's evidence take 20 ms of processor time so, and 26 in a batch; longer rows take longer, since
attention grows with the square of their length."""

ROW_STEP: Final = 16
"""As LENGTH_STEP, of such rows."""


class OpenvinoRunner:
    """Gives the vectors that sentence-transformers would give, to any thread.

    Those who encode take turns, and so do those who ask. Neither waits for the other: a question is
    computed as soon as one of the batches that run is done.
    """

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
        # Others cannot tell the texts of one row apart.
        self._takes_packed = "position_ids" in self._inputs
        self.dimension = int(compiled.output(HIDDEN).partial_shape[2].get_length())
        self._queue = AsyncInferQueue(compiled)
        self._queue.set_callback(self._take)
        self._encoding = Lock()
        self._request = compiled.create_infer_request()
        self._asking = Lock()
        self._short_questions: ShortQuestions | None = None

    def prepare_questions(self, network: "Model") -> None:
        """Has short questions computed by a network of their own, the same one, from now on."""
        self._short_questions = ShortQuestions(network, pooling=self._pooling)

    def encode(self, texts: Sequence[str], *, may_cut: bool) -> Vectors:
        """One unit row for each text; ValueError for one beyond `max_tokens` unless it may be cut.

        A few short ones in one row, others longest first in batches of similar length, for padding
        costs as much as text.
        """
        tokens = self._tokenizer.encode_batch_fast(list(texts))
        if not may_cut and any(each.overflowing for each in tokens):
            raise ValueError(f"A text is longer than the model's {self.max_tokens} tokens.")
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)
        with self._encoding:
            for rows, batch in self._batches(tokens):
                self._queue.start_async(self._taken(batch), (vectors, rows, batch))
            self._queue.wait_all()
        return vectors

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """One unit row for each question; one beyond `max_tokens` is cut off."""
        tokens = self._tokenizer.encode_batch_fast(list(questions))
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)
        short_questions = self._short_questions
        longest_of_short = 0 if short_questions is None else min(LONGEST, self.max_tokens)
        short = [row for row, each in enumerate(tokens) if len(each) <= longest_of_short]
        long = [row for row, each in enumerate(tokens) if len(each) > longest_of_short]
        if short_questions is not None and short:
            vectors[short] = short_questions.encode([tokens[row] for row in short])
        with self._asking:
            for places, batch in self._batches([tokens[row] for row in long]):
                self._request.infer(self._taken(batch))
                self._take(self._request, (vectors, [long[place] for place in places], batch))
        return vectors

    def _batches(self, tokens: Sequence[Encoding]) -> Iterator[tuple[list[int], TokenBatch]]:
        """The rows of each batch, longest first, and the batch."""
        total = sum(map(len, tokens))
        if len(tokens) > 1 and total <= LONGEST_ROW and self._takes_packed:
            yield list(range(len(tokens))), packed(tokens, -(-total // ROW_STEP) * ROW_STEP)
            return
        order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            longest = -(-len(tokens[rows[0]]) // LENGTH_STEP) * LENGTH_STEP
            shape = (len(rows), min(longest, self.max_tokens))
            yield rows, padded([tokens[row] for row in rows], shape)

    def _taken(self, batch: TokenBatch) -> dict[str, object]:
        """What the network takes of the batch: not all want the types of tokens."""
        return {name: value for name, value in batch.items() if name in self._inputs}

    def _take(self, request: "InferRequest", target: tuple[Vectors, list[int], TokenBatch]) -> None:
        """Writes a finished batch's rows where they belong."""
        vectors, rows, batch = target
        hidden = request.get_tensor(HIDDEN).data
        mask = batch["attention_mask"]
        is_packed = len(mask) < len(rows)
        vectors[rows] = (
            unit_rows_of_packed(hidden, mask, self._pooling)
            if is_packed
            else unit_rows(hidden, mask, self._pooling)
        )
