"""Decides when a failed call is tried again, and which error is raised when no try succeeded."""

from collections.abc import Sequence
from typing import Final

from app.gateway.not_now import NotAdmitted
from kb.errors import KnowledgeBaseError, LlmTimedOut, LlmUnavailable

FIRST_PAUSE_SECONDS: Final = 0.5
"""Doubled for each further try; a failure shorter than that is seldom worth a call elsewhere."""

MAX_PAUSE_SECONDS: Final = 10.0
"""Somebody waits for the answer: a server that asks for more is left for the next target."""


def pause_before_retry(failure: KnowledgeBaseError, retry: int, drawn: float) -> float | None:
    """Seconds until the same target is worth another try; None when it is not.

    The jitter is the full one: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if not isinstance(failure, LlmUnavailable) or isinstance(failure, LlmTimedOut | NotAdmitted):
        return None
    asked = failure.retry_after_seconds or 0.0
    if asked > MAX_PAUSE_SECONDS:
        return None
    return asked + drawn * min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**retry)


def most_telling(failures: Sequence[KnowledgeBaseError]) -> KnowledgeBaseError:
    """The error that all targets have in common, else that none can be asked."""
    last = failures[-1]
    if not isinstance(last, LlmUnavailable) and all(type(each) is type(last) for each in failures):
        return last
    unavailable = [each for each in failures if isinstance(each, LlmUnavailable)]
    waits = [each.retry_after_seconds for each in unavailable]
    kind = (
        LlmTimedOut if all(isinstance(each, LlmTimedOut) for each in failures) else LlmUnavailable
    )
    shown = last if isinstance(last, LlmUnavailable) else unavailable[-1] if unavailable else last
    return kind(
        shown.message,
        retry_after_seconds=min((wait for wait in waits if wait is not None), default=None),
    )
