"""The cost of a call in whole micro-dollars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from json import dumps
from typing import Annotated, Final

from pydantic import Field

from app.gateway.chat import Completion, Message

CHARS_PER_TOKEN: Final = 4
"""The usual count for English, for servers that report no tokens."""

MAX_TOKENS_AROUND_A_MESSAGE: Final = 16
"""Chat templates frame each message with a handful of special tokens."""

_PerMillion = Annotated[Decimal, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars for a million tokens, which are micro-dollars for one."""

    input: _PerMillion
    output: _PerMillion
    cached: _PerMillion | None = None
    """Of input that the server had read before; None: like other input."""

    def of(self, tokens: "Tokens") -> int:
        """The cost in micro-dollars, rounded up."""
        cached_price = self.input if self.cached is None else self.cached
        cost = (
            self.input * (tokens.input - tokens.cached)
            + cached_price * tokens.cached
            + self.output * tokens.output
        )
        return int(cost.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokens that a call used; `cached` is part of `input`."""

    input: int
    output: int
    cached: int = 0
    is_estimated: bool = False


def reported_tokens(completion: Completion) -> Tokens | None:
    """The server's counts; None when it does not report both."""
    if completion.input_tokens is None or completion.output_tokens is None:
        return None
    return Tokens(
        input=completion.input_tokens,
        output=completion.output_tokens,
        cached=completion.cached_tokens,
    )


def estimated_tokens(messages: Sequence[Message], output_chars: int) -> Tokens:
    """The counts of a call that reported none."""
    input_chars = sum(len(message.content) for message in messages)
    return Tokens(
        input=-(-input_chars // CHARS_PER_TOKEN),
        output=-(-output_chars // CHARS_PER_TOKEN),
        is_estimated=True,
    )


def most_tokens(
    messages: Sequence[Message], json_schema: Mapping[str, object] | None, output_limit: int
) -> Tokens:
    """An upper bound of the tokens: a token of any usual tokenizer stands for a byte at least."""
    texts = [message.content for message in messages]
    if json_schema is not None:
        texts.append(dumps(json_schema))
    return Tokens(
        input=sum(len(text.encode()) + MAX_TOKENS_AROUND_A_MESSAGE for text in texts),
        output=output_limit,
        is_estimated=True,
    )
