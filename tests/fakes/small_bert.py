"""An embedding model made here: a BERT of two layers that has learnt nothing, always the same."""

from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizer

WORDS = ("the", "harbour", "opens", "at", "six", "##s", "pilot", "crane", "ferry", "tide", ".")


def write_small_bert(folder: Path) -> Path:
    """A folder as sentence-transformers saves one; vectors are those of the first token."""
    torch.manual_seed(7)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    config = BertConfig.from_dict(
        {
            "vocab_size": len(tokens),
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "intermediate_size": 40,
            "max_position_embeddings": 32,
            "layer_norm_eps": 1e-5,
            "initializer_range": 1.0,
        }
    )
    part = folder.with_name(f"{folder.name}-part")
    BertModel(config).save_pretrained(part)  # type: ignore[no-untyped-call]  # theirs
    vocabulary = {token: number for number, token in enumerate(tokens)}
    BertTokenizer(vocab=vocabulary).save_pretrained(part)
    encoder = Transformer(str(part), max_seq_length=32)
    pooling = Pooling(encoder.get_embedding_dimension(), pooling_mode="cls")
    SentenceTransformer(modules=[encoder, pooling], device="cpu").save_pretrained(str(folder))
    return folder
