"""A language model of a few thousand random weights, as a folder that any server can load."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

WORDS = ("on", "a", "day", "in", "may", "nobody", "knows", "when", "leave", "ends", "or", "starts")
UNKNOWN, END = "<unk>", "<end>"
CHAT_TEMPLATE = "{% for message in messages %}{{ message.content }} {% endfor %}"


def write_tiny_model(folder: Path) -> Path:
    """The folder, with weights and tokenizer; what it writes makes no sense, and never changes."""
    vocabulary = {word: number for number, word in enumerate((UNKNOWN, END, *WORDS))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers types little
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        eos_token=END,
        chat_template=CHAT_TEMPLATE,
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = AutoConfig.for_model(
        "llama",
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=vocabulary[END],
        bos_token_id=None,
    )
    model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]  # likewise
    model.save_pretrained(folder)
    return folder
