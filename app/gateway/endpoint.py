"""Where the language model is and how it wants to be asked."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from kb.errors import Misconfigured


@dataclass(frozen=True, kw_only=True)
class ModelEndpoint:
    """Where the language model is and how it wants to be asked.

    Attributes:
        base_url: the OpenAI-compatible root, such as `http://localhost:11434/v1`.
        timeout_seconds: the whole time one completion may take, retries included.
        max_output_tokens: the longest output asked for, unless a request says less.
        max_retries: retries of a request whose failure may pass (connection, 408, 409, 429, 5xx).
        send_json_schema: False for servers that refuse `response_format`; the shape is then asked
            for in the prompt only. Nothing switches this by itself.
        output_limit_field: OpenAI's reasoning models refuse `max_tokens`; Ollama silently ignores
            `max_completion_tokens` (https://github.com/ollama/ollama/issues/7125).
        temperature: None leaves it to the server, for models that refuse to be told.
    """

    base_url: str
    model: str
    api_key: SecretStr | None
    timeout_seconds: float
    max_output_tokens: int
    max_retries: int = 1
    send_json_schema: bool = True
    output_limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = 0.0

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
