"""Short questions, computed in a few fixed shapes: half the processor time of any shape's graph.

openvino computes batches of all shapes by one graph, and prepares it anew for each that differs
from the one before. For a question of 16 tokens that takes longer (1.3 ms) than to compute it.
"""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from kb.unit_vectors import Vectors
from models.bert_network import HIDDEN
from models.token_batches import Pooling, Shape, padded, unit_rows

if TYPE_CHECKING:
    from openvino import Model  # type: ignore[import-untyped]  # ships no type information

ROWS: Final = 4
"""Of a batch of several questions: 1.1 ms of processor time each at 16 tokens, 1.6 ms alone."""

SHAPES: Final[tuple[Shape, ...]] = ((1, 16), (1, 24), (1, 32), (ROWS, 16), (ROWS, 24))
"""The first takes 32 MB for the weights as openvino orders them, each further one 7 MB and .12 s
to compile. Of English questions 7 in 10 have at most 16 tokens, and 97 in 100 at most 24."""

LONGEST: Final = max(tokens for _, tokens in SHAPES)
"""Tokens of a short question."""


class ShortQuestions:
    """A network that computes the shapes alone; threads take turns.

    It has a thread of its own, so that no question waits for the passages that are being embedded.
    """

    def __init__(self, network: "Model", *, pooling: Pooling) -> None:
        """Compiles it in .6 s; the network's weights are needed once more."""
        from openvino import compile_model  # noqa: PLC0415  # cannot be installed everywhere

        configuration = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": 1,
            # Several processes would have their threads on the same core.
            "ENABLE_CPU_PINNING": False,
        }
        compiled = compile_model(_in_fixed_shapes(network), "CPU", configuration)
        self._request = compiled.create_infer_request()
        self._inputs = {name for each in compiled.inputs for name in each.names}
        self._pooling = pooling
        self._lock = Lock()
        for shape in SHAPES:
            self._compute([], shape)

    def encode(self, questions: Sequence[Encoding]) -> Vectors:
        """One unit row for each question, none of more than LONGEST tokens; at least one."""
        order = sorted(range(len(questions)), key=lambda row: -len(questions[row]))
        parts = []
        with self._lock:
            for places, shape in _batches([len(questions[row]) for row in order]):
                parts.append(self._compute([questions[order[place]] for place in places], shape))
        vectors: Vectors = np.concatenate(parts)
        return vectors[np.argsort(order)]

    def _compute(self, questions: Sequence[Encoding], shape: Shape) -> Vectors:
        batch = padded(questions, shape)
        inputs = {name: value for name, value in batch.items() if name in self._inputs}
        self._request.infer(inputs)
        hidden: NDArray[np.float32] = self._request.get_tensor(HIDDEN).data
        count = len(questions)
        return unit_rows(hidden[:count], batch["attention_mask"][:count], self._pooling)


def _batches(lengths: Sequence[int]) -> Iterator[tuple[range, Shape]]:
    """The places of each batch, and its shape; `lengths`, in tokens, come longest first."""
    start = 0
    while start < len(lengths):
        left = len(lengths) - start
        fitting = [(r, t) for r, t in SHAPES if r <= left and t >= lengths[start]]
        rows, tokens = max(fitting, key=lambda shape: (shape[0], -shape[1]))
        yield range(start, start + rows), (rows, tokens)
        start += rows


def _in_fixed_shapes(network: "Model") -> "Model":
    """A network that looks at the shape of its input, and leaves it to a branch made for that.

    The branches share their weights, which networks compiled one by one would not.
    """
    whole = _fixed(network, SHAPES[-1])
    for shape in reversed(SHAPES[:-1]):
        whole = _choice(shape, _fixed(network, shape), whole)
    return whole


def _fixed(network: "Model", shape: Shape) -> "Model":
    """The network for batches of that shape alone."""
    from openvino import opset13  # noqa: PLC0415

    fixed = network.clone()
    for parameter in fixed.get_parameters():
        users = list(parameter.output(0).get_target_inputs())
        # A branch is given inputs of any shape, whatever the shape of its parameters.
        shaped = opset13.reshape(parameter, np.asarray(shape), special_zero=False)
        for user in users:
            user.replace_source_output(shaped.output(0))
    fixed.validate_nodes_and_infer_types()
    return fixed


def _choice(shape: Shape, chosen: "Model", other: "Model") -> "Model":
    """Computes batches of that shape by `chosen`, and the rest by `other`."""
    from openvino import Model, opset13  # noqa: PLC0415

    parameters = []
    for each in other.get_parameters():
        parameter = opset13.parameter([-1, -1], np.int64, name=each.friendly_name)
        parameter.output(0).set_names(each.output(0).names)
        parameters.append(parameter)
    are_equal = opset13.equal(opset13.shape_of(parameters[0]), np.asarray(shape))
    choice = opset13.if_op(opset13.reduce_logical_and(are_equal, np.asarray([0])).output(0))
    choice.set_then_body(chosen)
    choice.set_else_body(other)
    pairs = zip(chosen.get_parameters(), other.get_parameters(), strict=True)
    for parameter, (then, otherwise) in zip(parameters, pairs, strict=True):
        choice.set_input(parameter.output(0), then, otherwise)
    hidden = choice.set_output(chosen.results[0], other.results[0])
    hidden.set_names({HIDDEN})
    return Model([opset13.result(hidden)], parameters)
