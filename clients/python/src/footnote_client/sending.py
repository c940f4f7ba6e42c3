"""A call as steps, which a client performs: requests to send and pauses to make.

The steps are the same for both clients. They decide what is sent again, and when.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from random import Random
from typing import Any, Final, Generic, TypeAlias, TypeVar

import httpx

from footnote_client.calls import Call
from footnote_client.contract import Problem
from footnote_client.decoding import decode
from footnote_client.errors import (
    ConnectionFailed,
    FootnoteError,
    RateLimited,
    ResponseInvalid,
    StillRunning,
    Stopping,
    Unavailable,
    error_of,
)
from footnote_client.version import VERSION

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Wait so long, and go on."""

    seconds: float


Step: TypeAlias = Call[Any] | Pause

# What is sent in depends on the step: a response for a call, nothing for a pause.
Steps: TypeAlias = Generator[Step, Any, T]


class Run(Generic[T]):
    """Steps on their way: the next one, or the outcome once there is none."""

    def __init__(self, steps: Steps[T]) -> None:
        """The first step is the next one."""
        self._steps = steps
        self.step: Step | None = None
        self.outcome: T
        self.go_on(None)

    def go_on(self, response: httpx.Response | None) -> None:
        """The step was done; of a call this is the response. Raises what the steps raise."""
        self._advance(self._steps.send, response)

    def fail(self, error: Exception) -> None:
        """The step failed with that error, which the steps raise, or go on from."""
        self._advance(self._steps.throw, error)

    def _advance(self, move: Callable[[Any], Step], given: object) -> None:
        try:
            self.step = move(given)
        except StopIteration as end:
            self.step, self.outcome = None, end.value


NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The request did not reach the service."""

NEVER_SENT: Final = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
"""The request cannot be sent, now or later."""

FROM_PROXIES: Final = {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
"""What a proxy answers with while the service restarts, without a problem of the service."""


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often a request is sent at most, and the pauses between.

    A pause doubles each time and is shortened at random by up to a half, so that many clients do
    not come back together. `Retry-After` is waited for besides, unless it is longer than
    `longest_pause_seconds`: then the error is raised at once.
    """

    attempts: int = 5
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 60.0

    def pause(self, attempt: int, *, retry_after: float | None, random: Random) -> Pause | None:
        """The pause after that attempt, counted from 1; None when there is no other."""
        if attempt >= self.attempts or (retry_after or 0) > self.longest_pause_seconds:
            return None
        # Bounded before it is a power, which would overflow.
        doubled = self.first_pause_seconds * 2 ** min(attempt - 1, 30)
        backoff = min(doubled, self.longest_pause_seconds) * random.uniform(0.5, 1)
        return Pause(seconds=(retry_after or 0) + backoff)


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends calls to the service of one URL, with one key. Neither is in an error's text."""

    url: str
    key: str = field(repr=False)
    retries: Retries
    random: Random

    def build(self, http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
        """The request of a call, new for each attempt."""
        headers = {
            "Authorization": f"Bearer {self.key}",
            "User-Agent": f"footnote-client/{VERSION}",
            **call.headers,
        }
        timeout = http.timeout
        if timeout.read is not None and call.wait_seconds:
            timeout = httpx.Timeout(timeout)
            timeout.read = (timeout.read or 0) + call.wait_seconds
        return http.build_request(
            call.method,
            self.url + call.path,
            params=call.query or None,
            # Principals may have any letters.
            headers=httpx.Headers(headers, encoding="utf-8"),
            json=call.json,
            data=call.form,
            files=call.file and {"file": call.file},
            timeout=timeout,
        )

    def send(self, call: Call[T]) -> Steps[T]:
        """What the response is read as.

        FootnoteError when the service refuses, when it cannot be reached, and when it fails for
        longer than retries go on.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                response: httpx.Response = yield call
            except httpx.RequestError as cause:
                error: FootnoteError = ConnectionFailed(
                    f"No response to {call.method} {call.path}: {type(cause).__name__}."
                )
                error.__cause__ = cause
                is_passing = isinstance(cause, httpx.TransportError) and not isinstance(
                    cause, NEVER_SENT
                )
                may_repeat = is_passing and (call.is_repeatable or isinstance(cause, NOT_SENT))
            else:
                if response.is_success:
                    return _read(call, response)
                error = _refusal(response)
                may_be_done = isinstance(error, Stopping)
                may_repeat = may_pass(error) and (call.is_repeatable or not may_be_done)
            pause = self.pause(attempt, error) if may_repeat else None
            if pause is None:
                raise error
            yield pause

    def pause(self, attempt: int, error: FootnoteError) -> Pause | None:
        """The pause after an attempt that ended in that error; None when there is no other."""
        return self.retries.pause(attempt, retry_after=error.retry_after, random=self.random)


def _read(call: Call[T], response: httpx.Response) -> T:
    try:
        return call.read(response)
    except (ValueError, RecursionError) as error:
        raise ResponseInvalid(
            f"The response to {call.method} {call.path} is not one of Footnote: {error}"
        ) from error


def _refusal(response: httpx.Response) -> FootnoteError:
    try:
        problem = decode(Problem, response.json())
    except (ValueError, RecursionError):
        problem = Problem(
            type="about:blank",
            title=response.reason_phrase,
            status=response.status_code,
            detail=f"HTTP {response.status_code} {response.reason_phrase}, without a problem.",
            code="",
            request_id=response.headers.get("X-Request-Id", ""),
        )
        if response.is_redirect or response.is_informational:
            return ResponseInvalid(problem.detail, problem=problem)
    retry_after = _retry_after(response.headers.get("Retry-After", ""))
    if retry_after is None:
        retry_after = problem.retry_after
    return error_of(replace(problem, status=response.status_code, retry_after=retry_after))


def _retry_after(header: str) -> float | None:
    """The seconds that the header asks for, as a number or a date; None when it asks for none."""
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def may_pass(error: FootnoteError) -> bool:
    """True for what another attempt may mend; but for Stopping, the first one has done nothing."""
    if isinstance(error, RateLimited | Unavailable | StillRunning):
        return True
    return error.status in FROM_PROXIES and not error.code


def new_sender(url: str, key: str, retries: Retries | None) -> Sender:
    """A sender for that service and key; ValueError, which does not show the key, for bad ones."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError("The URL of the service is malformed.") from error
    is_plain = not (parsed.userinfo or parsed.query or parsed.fragment)
    if parsed.scheme not in {"http", "https"} or not parsed.host or not is_plain:
        raise ValueError("The URL of the service is like 'https://footnote.example'.")
    # A library that refuses to send the key would show it in its error.
    if not (key.isascii() and key.isprintable() and key.strip() == key and key):
        raise ValueError("The key is empty, or has characters that no key has.")
    return Sender(
        url=url.rstrip("/"),
        key=key,
        retries=retries or Retries(),
        random=Random(),  # noqa: S311  # spreads pauses
    )
