"""The address of a language model, and the options of its server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from kb.errors import Misconfigured

StructuredOutput = Literal["json_schema", "json_object", "text"]
OutputLimitField = Literal["max_tokens", "max_completion_tokens"]


@dataclass(frozen=True, kw_only=True)
class ModelEndpoint:
    """The address of a language model, and the options of its server.

    Attributes:
        base_url: the OpenAI-compatible root, such as `http://localhost:11434/v1`.
        timeout_seconds: the whole time of one request.
        first_token_seconds: until the first text of a stream.
        connect_seconds: a server that accepts no connection in this time is down, however slow
            its model is.
        max_output_tokens: the longest output asked for, unless a request says less.
        structured_output: the form that the server can be held to; as "text" it is asked for in
            the prompt only. Nothing switches this by itself.
        output_limit_field: OpenAI's reasoning models refuse `max_tokens`; Ollama silently ignores
            `max_completion_tokens` (https://github.com/ollama/ollama/issues/7125).
        temperature: None leaves it to the server, for models that refuse to be told.
        has_logprobs: ask for the tokens' log-probabilities.
        reports_stream_usage: ask for the token counts at the end of a stream.
        key_header: a header for the key instead of `Authorization: Bearer`.
    """

    base_url: str
    model: str
    api_key: SecretStr | None
    timeout_seconds: float
    max_output_tokens: int
    first_token_seconds: float = 30.0
    connect_seconds: float = 5.0
    structured_output: StructuredOutput = "json_schema"
    output_limit_field: OutputLimitField = "max_tokens"
    temperature: float | None = 0.0
    has_logprobs: bool = False
    reports_stream_usage: bool = True
    key_header: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses an address that no request could ever reach.

        Raises:
            Misconfigured: the base URL is not an http or https address.
        """
        address = urlsplit(self.base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise Misconfigured(
                "The base URL of the language model must look like 'http://localhost:11434/v1'."
            )

    def output_limit(self, wanted: int | None) -> int:
        """The longest output to ask for, tokens."""
        return self.max_output_tokens if wanted is None else min(self.max_output_tokens, wanted)
