"""The errors of failed requests: who has to act, and which of them pass by themselves."""

import email.utils
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from math import isfinite
from typing import Final

import httpx2
import openai

from app.gateway.endpoint import ModelEndpoint
from app.gateway.not_now import RateLimitedByServer
from kb.errors import (
    KnowledgeBaseError,
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
)

TRANSIENT_STATUS_CODES: Final = frozenset({408, 409, 425, 429})
"""Client errors that pass by themselves; every status from 500 on does too."""

MAX_RETRY_AFTER_SECONDS: Final = 3600.0
"""Nobody who asks waits longer: what a server says beyond is shown as an hour."""


@contextmanager
def errors_translated(endpoint: ModelEndpoint, *, seconds: float) -> Iterator[None]:
    """Turns what the client raises into our errors; `seconds` is the time the request had."""
    try:
        yield
    except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
        raise LlmTimedOut(
            f"The language model {endpoint.model!r} did not answer within {seconds:.3g} seconds."
        ) from None
    except openai.APIStatusError as error:
        # Not chained: servers echo parts of the prompt in the error's body.
        raise _refusal(endpoint, error) from None
    except openai.APIConnectionError as error:
        raise LlmUnavailable("The language model's server cannot be reached.") from error
    except httpx2.HTTPError as error:
        # From a body that is read past the client.
        raise LlmUnavailable("The language model's server broke its response off.") from error
    except openai.APIError:
        raise LlmUnavailable("The language model's server reported an error.") from None
    except (ValueError, RecursionError):
        # Not chained: a decoder's error holds the text that it failed on.
        raise LlmOutputInvalid("The language model's response is not JSON.") from None


def _refusal(endpoint: ModelEndpoint, error: openai.APIStatusError) -> KnowledgeBaseError:
    """The error for a response with a status of 300 or more."""
    status_code = error.status_code
    message = f"The language model's server answered HTTP {status_code}"
    pause = retry_after(error.response.headers, now=datetime.now(UTC))
    if status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedByServer(f"{message}.", retry_after_seconds=pause)
    if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or status_code in TRANSIENT_STATUS_CODES:
        return LlmUnavailable(f"{message}.", retry_after_seconds=pause)
    match status_code:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            remedy = "check its API key"
        case HTTPStatus.NOT_FOUND:
            remedy = f"check its base URL and that it serves the model {endpoint.model!r}"
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            remedy = (
                "it may refuse JSON schemas, the temperature or the output limit's field, "
                "or the context budget may be larger than the model's window"
            )
        case _:
            remedy = "check its base URL"
    return Misconfigured(f"{message}: {remedy}.")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that the server asks to wait: from `retry-after-ms`, or `Retry-After` in both forms.

    The names of the headers must be in lower case, or the mapping deaf to case.
    """
    written = headers.get("retry-after")
    milliseconds = _number(headers.get("retry-after-ms"))
    seconds = _number(written) if milliseconds is None else milliseconds / 1000
    if seconds is None:
        try:
            date = email.utils.parsedate_to_datetime(written or "")
        except ValueError:
            return None
        if date.tzinfo is None:
            return None
        seconds = (date - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _number(written: str | None) -> float | None:
    try:
        number = float(written or "")
    except ValueError:
        return None
    return number if isfinite(number) else None
