"""Errors of a model that could answer, and takes no call for now."""

from kb.errors import LlmUnavailable


class RateLimitedByServer(LlmUnavailable):
    """The language model's server wants fewer requests."""


class NotAdmitted(LlmUnavailable):
    """The language model takes no call at the moment."""
