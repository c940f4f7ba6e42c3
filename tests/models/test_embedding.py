"""The embedding model: pinned by known numbers, and never embedding only the start of a text."""

import json
import sys
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
from openvino import InferRequest, compile_model  # type: ignore[import-untyped]  # ships no type information
from safetensors.torch import save_file
from transformers import AutoModel
from typing_extensions import override

from kb.errors import ModelUnavailable
from kb.settings import DEFAULT_EMBEDDING_MODEL
from kb.unit_vectors import Vectors
from models.bert_network import bert_network, read_weights
from models.embedding import (
    PACKAGED_MODEL,
    SentenceTransformerEmbedder,
    choose_backend,
    model_path,
    weights_revision,
)
from models.export import exported
from models.library import LibraryRunner, load_model
from models.openvino_runner import OpenvinoRunner
from models.reranking import CrossEncoderScorer
from models.token_batches import Pooling, Shape, TokenBatch
from tests.fakes.small_bert import write_small_bert
from tests.fakes.tiny_model import write_tiny_model
from tests.footnote.processes import python

HELLO_WORLD = [-0.0341, 0.0312, 0.0066, 0.0263]
"""First components for 'hello world', from this model in fp32."""

DEFAULT_REVISION = "53aa51172d14"
"""Of the default model's weights: whoever has stored vectors has it in their database."""

EXPORT = """
import sys
from pathlib import Path
from models.embedding import SentenceTransformerEmbedder
embedder = SentenceTransformerEmbedder(
    model=sys.argv[1], backend="openvino", batch_size=2, cache_folder=Path(sys.argv[2])
)
print("torch" in sys.modules, *embedder.embed_queries(["the harbour opens at six"])[0])
"""

ODD_TEXTS = [
    "",
    " ",
    "a",
    "hello world",
    "river " * 3_000,
    "x" * 5_000,
    "🚢🚢 👩\u200d👩\u200d👧 ⚓",
    "出張の規定 東京都 여행 규정",
    "ÜBERSTUNDEN werden bis zum 31.03. ausgeglichen",
    "nul \x00, line\u2028separator, zero\u200bwidth, combining e\u0301",
    "[MASK] [SEP] [CLS] ##s",
    "| Part | Price |\n|---|---|\n| SP-4217 | 87.25 € |",
]
"""Where tokenizers, limits and padding differ."""


def test_the_default_model_is_pinned_by_a_known_vector(
    embedder: SentenceTransformerEmbedder,
) -> None:
    [vector] = embedder.embed_queries(["hello world"])

    assert (embedder.dimension, embedder.max_tokens) == (384, 256)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector[:4], HELLO_WORLD, atol=2e-3)


def test_rows_are_of_unit_length_and_in_order(embedder: SentenceTransformerEmbedder) -> None:
    texts = ["short", "a somewhat longer text about rivers", "x" * 200, ""]

    rows = embedder.embed_passages(texts)

    assert rows.shape == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    for text, row in zip(texts, rows, strict=True):
        assert float(embedder.embed_passages([text])[0] @ row) > 0.999


def test_no_texts_give_no_rows(embedder: SentenceTransformerEmbedder) -> None:
    assert embedder.embed_passages([]).shape == (0, 384)
    assert embedder.embed_queries([]).shape == (0, 384)
    assert embedder.count_tokens([]) == []


def test_tokens_are_counted_with_the_special_ones_and_beyond_the_window(
    embedder: SentenceTransformerEmbedder,
) -> None:
    assert embedder.count_tokens(["", "hello world", "river " * 1000]) == [2, 4, 1002]


def test_counting_and_embedding_do_not_disturb_each_other(
    embedder: SentenceTransformerEmbedder,
) -> None:
    long_text = "river " * 1000

    embedder.embed_queries([long_text])

    assert embedder.count_tokens([long_text, "river"]) == [1002, 3]


def test_a_passage_beyond_the_window_is_refused(embedder: SentenceTransformerEmbedder) -> None:
    longest = "river " * 254

    assert embedder.embed_passages([longest]).shape == (1, 384)
    with pytest.raises(ValueError, match="256 tokens"):
        embedder.embed_passages(["short", longest + "river"])


def test_a_question_beyond_the_window_is_cut_off(embedder: SentenceTransformerEmbedder) -> None:
    [cut, whole] = embedder.embed_queries(["river " * 1000, "river " * 254])

    assert float(cut @ whole) > 0.999


def test_the_revision_names_the_weights(embedder: SentenceTransformerEmbedder) -> None:
    assert embedder.model_name == DEFAULT_EMBEDDING_MODEL
    assert len(embedder.revision) == 12
    int(embedder.revision, 16)


def test_the_default_models_revision_stays_as_stored_spaces_have_it() -> None:
    # sha256sum model.safetensors
    assert weights_revision(model_path(DEFAULT_EMBEDDING_MODEL)) == DEFAULT_REVISION


def folder_of(tmp_path: Path, name: str, files: dict[str, bytes]) -> str:
    for path, content in files.items():
        file = tmp_path / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return str(tmp_path / name)


@pytest.mark.parametrize(
    "path",
    [
        "model.safetensors",
        "pytorch_model.bin",
        "model-00002-of-00003.safetensors",
        "0_Transformer/pytorch_model.bin",
        "2_Dense/model.safetensors",
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "openvino/openvino_model.bin",
        "tf_model.h5",
        "WEIGHTS.PT",
        "weights.of_a_new_kind",
    ],
)
def test_local_models_whose_weights_differ_in_one_file_have_different_revisions(
    tmp_path: Path, path: str
) -> None:
    same = {"config.json": b"{}", "model-00001-of-00003.safetensors": b"same"}
    first = folder_of(tmp_path, "v1/encoder", {**same, path: b"first"})
    second = folder_of(tmp_path, "v2/encoder", {**same, path: b"second"})
    copied = folder_of(tmp_path, "v3/encoder", {**same, path: b"first"})

    assert weights_revision(first) == weights_revision(copied) != weights_revision(second)


def test_weights_that_changed_places_are_other_weights(tmp_path: Path) -> None:
    first = folder_of(tmp_path, "v1", {"a.safetensors": b"1", "b.safetensors": b"2"})
    second = folder_of(tmp_path, "v2", {"a.safetensors": b"2", "b.safetensors": b"1"})

    assert weights_revision(first) != weights_revision(second)


def test_what_is_read_by_people_or_left_by_a_download_is_no_weights(tmp_path: Path) -> None:
    weights = {"model.safetensors": b"weights"}
    beside = {
        "README.md": b"read me",
        "config.json": b"{}",
        "vocab.txt": b"word",
        "LICENSE": b"MIT",
        ".gitattributes": b"lfs",
        ".cache/huggingface/download/model.safetensors.metadata": b"when",
        ".git/lfs/objects/ab": b"a copy",
    }

    bare = folder_of(tmp_path, "bare", weights)
    whole = folder_of(tmp_path, "whole", weights | beside)

    assert weights_revision(bare) == weights_revision(whole)


def test_a_model_of_the_hub_has_no_weights_here(tmp_path: Path) -> None:
    assert weights_revision("someone/other-model") is None
    assert weights_revision(folder_of(tmp_path, "empty", {"config.json": b"{}"})) is None


def test_the_default_model_comes_from_its_package() -> None:
    assert (Path(model_path(DEFAULT_EMBEDDING_MODEL)) / "model.safetensors").exists()
    assert PACKAGED_MODEL in model_path(DEFAULT_EMBEDDING_MODEL)
    assert model_path("someone/other-model") == "someone/other-model"


def test_the_backend_is_openvino_where_it_can_be_and_torch_on_request() -> None:
    assert choose_backend("torch") == "torch"
    assert choose_backend("openvino") == "openvino"
    assert choose_backend("auto") == "openvino"


def test_without_openvino_auto_means_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert choose_backend("auto") == "torch"
    with pytest.raises(ModelUnavailable, match="FOOTNOTE_EMBEDDING_BACKEND"):
        choose_backend("openvino")
    with pytest.raises(ModelUnavailable, match="pip install"):
        model_path(DEFAULT_EMBEDDING_MODEL)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()

    with pytest.raises(ModelUnavailable, match="FOOTNOTE_EMBEDDING_MODEL"):
        SentenceTransformerEmbedder(
            model=str(tmp_path / "model"),
            backend="torch",
            batch_size=2,
            cache_folder=tmp_path / "cache",
        )


def test_a_model_that_writes_but_does_not_embed_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="FOOTNOTE_EMBEDDING_MODEL"):
        SentenceTransformerEmbedder(
            model=str(write_tiny_model(tmp_path / "model")),
            backend="openvino",
            batch_size=2,
            cache_folder=tmp_path / "cache",
        )


@pytest.fixture(scope="module")
def small_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_bert(tmp_path_factory.mktemp("bert") / "small")


def test_vectors_and_tokens_of_odd_texts_are_those_of_sentence_transformers(
    embedder: SentenceTransformerEmbedder,
) -> None:
    library = LibraryRunner(load_model(model_path(DEFAULT_EMBEDDING_MODEL), "torch"), 4)

    rows = embedder.embed_queries(ODD_TEXTS)

    assert embedder.max_tokens == library.max_tokens
    assert embedder.count_tokens(ODD_TEXTS) == [
        len(tokens) for tokens in library.counter.encode_batch_fast(ODD_TEXTS)
    ]
    # Processors that compute in 16 bits move a vector by .0001.
    cosines = np.sum(rows * library.encode(ODD_TEXTS, may_cut=True), axis=1)
    assert cosines.min() > 0.9995


def test_the_network_built_here_computes_what_the_library_does(
    small_bert: Path, tmp_path: Path
) -> None:
    # With the names of the network's own parts, which the library turns into others when it saves.
    state: dict[str, torch.Tensor] = AutoModel.from_pretrained(small_bert).state_dict()
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((small_bert / "config.json").read_bytes())
    folders = [Path(model_path(DEFAULT_EMBEDDING_MODEL)), tmp_path]
    token_ids = np.asarray([[2, 5, 6, 7, 8, 9, 3], [2, 11, 13, 3, 0, 0, 0]])
    mask = (token_ids != 0).astype(np.int64)
    positions = np.tile(np.arange(token_ids.shape[1]), (2, 1))

    for folder in folders:
        weights = read_weights(folder / "model.safetensors")
        network = bert_network(folder, weights)
        exact = compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        inputs = {"input_ids": token_ids, "attention_mask": mask, "position_ids": positions}
        before = exact(inputs)["last_hidden_state"]
        weights.release()
        hidden = exact(inputs)["last_hidden_state"]
        np.testing.assert_array_equal(hidden, before)

        with torch.no_grad():
            theirs = AutoModel.from_pretrained(folder)(
                input_ids=torch.tensor(token_ids), attention_mask=torch.tensor(mask)
            )
        np.testing.assert_allclose(
            hidden[mask == 1], theirs.last_hidden_state.numpy()[mask == 1], atol=1e-4
        )


class Recording(OpenvinoRunner):
    """Tells the rows and tokens of the batches that it computed."""

    @cached_property
    def shapes(self) -> set[Shape]:
        return set()

    @override
    def _take(self, request: InferRequest, target: tuple[Vectors, list[int], TokenBatch]) -> None:
        rows, tokens = target[2]["input_ids"].shape
        self.shapes.add((rows, tokens))
        super()._take(request, target)


def test_texts_of_all_lengths_reach_the_network_in_few_shapes() -> None:
    """Openvino keeps code for each shape it meets, for as long as the process lives."""
    folder = Path(model_path(DEFAULT_EMBEDDING_MODEL))
    network = bert_network(folder, read_weights(folder / "model.safetensors"))
    vocabulary = folder / "tokenizer.json"
    runner = Recording(network, vocabulary, pooling="mean", max_tokens=36, batch_size=1)

    runner.encode(["word " * count for count in range(1, 60)], may_cut=True)

    assert {length for _, length in runner.shapes} == {8, 16, 24, 32, 36}


def test_what_is_no_bert_in_32_bits_is_refused(small_bert: Path, tmp_path: Path) -> None:
    configuration = json.loads((small_bert / "config.json").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(configuration | {"hidden_act": "relu"}))
    halves = small_bert / "model.safetensors"
    content = halves.read_bytes().replace(b'"dtype":"F32"', b'"dtype":"F16"')
    (tmp_path / "model.safetensors").write_bytes(content)

    with pytest.raises(ModelUnavailable, match="no BERT"):
        bert_network(tmp_path, read_weights(halves))
    with pytest.raises(ModelUnavailable, match="32 bits"):
        read_weights(tmp_path / "model.safetensors")


def test_a_model_of_others_needs_the_libraries_and_says_which_extra_has_them(
    monkeypatch: pytest.MonkeyPatch, small_bert: Path, tmp_path: Path
) -> None:
    for name in ("torch", "optimum", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, name, None)

    for backend in ("torch", "openvino"):
        with pytest.raises(ModelUnavailable, match=r"torch.*pip install 'footnote\[models\]'"):
            SentenceTransformerEmbedder(
                model=str(small_bert), backend=backend, batch_size=2, cache_folder=tmp_path
            )
    with pytest.raises(ModelUnavailable, match=r"reranker .*footnote\[models\]"):
        CrossEncoderScorer(str(small_bert))


@pytest.mark.end_to_end
async def test_two_processes_that_export_at_once_end_with_one_whole_model_and_without_torch(
    small_bert: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    command = ["-c", EXPORT, str(small_bert), str(models)]

    async with (
        python(command, environment={}, is_heard=True) as first,
        python(command, environment={}, is_heard=True) as second,
    ):
        outputs = [await process.communicate() for process in (first, second)]

    lines = [stdout.decode().split() for stdout, _ in outputs]
    assert [(first.returncode, second.returncode)] == [(0, 0)], outputs
    assert [line[0] for line in lines] == ["False", "False"]
    rows = np.asarray([line[1:] for line in lines], dtype=np.float32)
    library = LibraryRunner(load_model(str(small_bert), "torch"), 2)
    [wanted] = library.encode(["the harbour opens at six"], may_cut=True)
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    # Its weights are large: 16 bits tell.
    assert float(rows[0] @ wanted) > 0.99
    [folder] = [path for path in models.iterdir() if path.is_dir()]
    assert (folder / "openvino" / "openvino_model.xml").exists()


def test_an_export_that_crashes_is_told(
    monkeypatch: pytest.MonkeyPatch, small_bert: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(ModelUnavailable, match="'small' for openvino ended with 1"):
        exported(str(small_bert), None, tmp_path)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_texts_of_one_row_have_the_vectors_that_each_has_alone(pooling: Pooling) -> None:
    folder = Path(model_path(DEFAULT_EMBEDDING_MODEL))
    network = bert_network(folder, read_weights(folder / "model.safetensors"))
    vocabulary = folder / "tokenizer.json"
    runner = Recording(network, vocabulary, pooling=pooling, max_tokens=256, batch_size=8)
    texts = ["The leave is 20 days.", "It.", "Nobody may carry more than 5 days over " * 8, "Yes!"]

    together = runner.encode(texts, may_cut=False)
    assert runner.shapes == {(1, 96)}
    alone = np.concatenate([runner.encode([text], may_cut=False) for text in texts])

    assert np.sum(together * alone, axis=1).min() > 0.9999
    assert np.abs(together - alone).max() < 1e-3
    assert np.sum(together[0] * together[1:], axis=1).max() < 0.9
