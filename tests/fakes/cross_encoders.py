"""Cross-encoders made here: small, and always the same."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

WORDS = ("every", "employee", "has", "31", "days", "of", "annual", "leave", "unused", "expire")
MNLI = ("entailment", "neutral", "contradiction")
ONE = ("LABEL_0",)
DATA_SHA256 = "0" * 64


def save_grounding_model(
    folder: Path, *, labels: tuple[str, ...] = MNLI, says: str = "entailment"
) -> Path:
    """A BERT of one layer that has learnt nothing, and finds the label `says` all but certain."""
    torch.manual_seed(7)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    config = BertConfig.from_dict(
        {
            "vocab_size": len(tokens),
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 64,
            "id2label": dict(enumerate(labels)),
            "label2id": {label: number for number, label in enumerate(labels)},
        }
    )
    network = BertForSequenceClassification(config)  # type: ignore[no-untyped-call]  # theirs
    with torch.no_grad():
        network.classifier.bias.fill_(-8.0)
        if says in labels:
            network.classifier.bias[labels.index(says)] = 8.0
    network.save_pretrained(folder)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


def write_calibration(
    file: Path, *, labels: Mapping[str, str] | None = None, **fields: object
) -> Path:
    """A calibration that reads the labels of MNLI as usual, unless told otherwise."""
    usual = {"entailment": "supported", "neutral": "unsupported", "contradiction": "contradicted"}
    told = {
        "version": "2",
        "labels": dict(labels or usual),
        "thresholds": {"balanced": 0.5, "lenient": 0.25},
        "data_sha256": DATA_SHA256,
    }
    file.write_text(json.dumps({**told, **fields}), encoding="utf-8")
    return file
