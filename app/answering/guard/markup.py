"""Text that looks like the frame of a prompt: chat-template tokens and our own marker lines.

A model's server may read `<|im_start|>` inside a message as the token of that name, and then the
rest of a document speaks as the system. Broken by a space it is only letters.
"""

import re
from typing import Final

_FRAME: Final = re.compile(
    # <|im_start|>, <|eot_id|> and the same with full-width bars; either half alone is broken too.
    r"(?P<open><)(?=[|\uff5c])|(?P<bar>[|\uff5c])(?=>)"
    # [INST], <<SYS>>, <s>, <start_of_turn>, <bos>: Llama 2, Mistral and Gemma.
    r"|(?P<bracket>\[)(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
    r"|(?P<angle><)(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|system|assistant|user)>"
    r"|</?SYS>>)"
    # A marker line of ours, whatever its boundary.
    r"|(?P<fence><)(?=<\S{1,64} (?:end|question|source \S{1,64}|(?:user|assistant) said)\s*>>)",
    re.IGNORECASE,
)


def broken_markup(text: str) -> str:
    """The text with a space put into everything that a server or a model may take for a frame."""
    return _FRAME.sub(lambda match: f"{match[0]} ", text)
