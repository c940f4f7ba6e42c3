"""The network of a BERT encoder, built by openvino alone from its configuration and weights.

The default model is one. An export of it would take torch, transformers and optimum, which are a
gigabyte to install, and 10 s of the first start.
Source: Devlin et al., NAACL 2019, doi:10.18653/v1/N19-1423; names as transformers' BertModel.
"""

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelUnavailable

if TYPE_CHECKING:
    from openvino import Model, Node  # type: ignore[import-untyped]  # ships no type information


HIDDEN: Final = "last_hidden_state"
"""The output: (rows, tokens, dimension) float32."""


_BERT: Final = ("bert", "gelu", "absolute")
"""Kind, activation and positions of a network that this module builds."""


class _Configuration(TypedDict):
    """What decides about the network in `config.json`."""

    model_type: str
    hidden_act: str
    position_embedding_type: NotRequired[str]
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    layer_norm_eps: float


class _Tensor(TypedDict):
    """The place of a tensor in a file of safetensors."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


Tensors = dict[str, NDArray[np.float32]]
"""By name."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The tensors, in memory that all processes with the file share."""

    tensors: Tensors
    memory: mmap.mmap

    def release(self) -> None:
        """Gives their memory back; a tensor that is needed is read from the file again."""
        self.memory.madvise(mmap.MADV_DONTNEED)


def bert_network(folder: Path, weights: Weights) -> "Model":
    """From a `TokenBatch`, (rows, tokens) int64, to `last_hidden_state`.

    A token looks at those of its row with the same number in `attention_mask`: several texts in one
    row do not see each other. All tokens are of the first segment. ModelUnavailable for what is no
    BERT in 32 bits.
    """
    configuration = cast("_Configuration", json.loads((folder / "config.json").read_bytes()))
    positions = configuration.get("position_embedding_type", "absolute")
    if (configuration["model_type"], configuration["hidden_act"], positions) != _BERT:
        raise ModelUnavailable(f"The embedding model {folder.name!r} is no BERT encoder.")
    return _Builder(configuration, weights.tensors).build()


def read_weights(path: Path) -> Weights:
    """The float32 tensors of a file of safetensors, mapped into memory and not read.

    The library's own reader copies them. ModelUnavailable for weights of fewer bits.
    Source: https://github.com/huggingface/safetensors#format
    """
    with path.open("rb") as file:
        # Copied when written, which nobody does: openvino takes no memory that must not be written.
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    start = 8 + int.from_bytes(memory[:8], "little")
    header = cast("dict[str, _Tensor]", json.loads(memory[8:start]))
    data = np.frombuffer(memory, dtype=np.uint8)[start:]
    tensors = {}
    for name, tensor in header.items():
        if name == "__metadata__" or tensor["dtype"].startswith("I"):
            continue
        if tensor["dtype"] != "F32":
            raise ModelUnavailable(f"The weights {path.name!r} are not in 32 bits.")
        begin, end = tensor["data_offsets"]
        tensors[name] = data[begin:end].view(np.float32).reshape(tensor["shape"])
    return Weights(tensors=tensors, memory=memory)


class _Builder:
    """Builds one network; its parts share the configuration and the weights."""

    def __init__(self, configuration: _Configuration, weights: Tensors) -> None:
        from openvino import opset13  # noqa: PLC0415  # cannot be installed everywhere

        self._ops = opset13
        self._configuration = configuration
        self._weights = weights

    def build(self) -> "Model":
        from openvino import Model  # noqa: PLC0415

        ops = self._ops
        token_ids = ops.parameter([-1, -1], np.int64, name="input_ids")
        mask = ops.parameter([-1, -1], np.int64, name="attention_mask")
        positions = ops.parameter([-1, -1], np.int64, name="position_ids")
        words = ops.gather(self._weight("embeddings.word_embeddings"), token_ids, _numbers(0))
        places = ops.gather(self._places(), positions, _numbers(0))
        hidden = self._normalised(ops.add(words, places), "embeddings")
        # A copy: openvino writes where an input was when a reshaped one is all that is used of it.
        texts = ops.convert(mask, "f32")
        # (rows, 1, tokens, tokens): padding looks at padding, which nobody reads.
        looking = ops.unsqueeze(texts, _numbers([1, 3]))
        shown = ops.equal(looking, ops.unsqueeze(texts, _numbers([1, 2])))
        for number in range(self._configuration["num_hidden_layers"]):
            hidden = self._layer(hidden, shown, f"encoder.layer.{number}.")
        hidden.output(0).set_names({HIDDEN})
        for each in (token_ids, mask, positions):
            each.output(0).set_names({each.friendly_name})
        return Model([hidden], [token_ids, mask, positions])

    def _places(self) -> "Node":
        """(longest, dimension), what is added for place and segment."""
        first_segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        rows = self._weights["embeddings.position_embeddings.weight"] + first_segment
        return self._ops.constant(rows)

    def _layer(self, hidden: "Node", shown: "Node", name: str) -> "Node":
        ops = self._ops
        heads = self._configuration["num_attention_heads"]
        size = self._configuration["hidden_size"]
        by_head, tokens_first = _numbers([0, 0, heads, size // heads]), _numbers([0, 2, 1, 3])
        query, key, value = (
            ops.transpose(
                ops.reshape(self._linear(hidden, f"{name}attention.self.{part}"), by_head, True),
                tokens_first,
            )
            for part in ("query", "key", "value")
        )
        attended = ops.transpose(
            ops.scaled_dot_product_attention(query, key, value, shown), tokens_first
        )
        attended = ops.reshape(attended, _numbers([0, 0, size]), True)
        attended = self._linear(attended, f"{name}attention.output.dense")
        hidden = self._normalised(ops.add(attended, hidden), f"{name}attention.output")
        inner = ops.gelu(self._linear(hidden, f"{name}intermediate.dense"), "erf")
        outer = self._linear(inner, f"{name}output.dense")
        return self._normalised(ops.add(outer, hidden), f"{name}output")

    def _linear(self, hidden: "Node", name: str) -> "Node":
        product = self._ops.matmul(hidden, self._weight(name), False, True)
        return self._ops.add(product, self._weight(name, "bias"))

    def _normalised(self, hidden: "Node", name: str) -> "Node":
        ops, name = self._ops, f"{name}.LayerNorm"
        epsilon = self._configuration["layer_norm_eps"]
        centred = ops.mvn(hidden, _numbers([-1]), True, epsilon, "inside_sqrt")
        scaled = ops.multiply(centred, self._weight(name))
        return ops.add(scaled, self._weight(name, "bias"))

    def _weight(self, name: str, kind: str = "weight") -> "Node":
        return self._ops.constant(self._weights[f"{name}.{kind}"], shared_memory=True)


def _numbers(values: int | list[int]) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64)
