"""The checks that a question passes before anything is looked up."""

from typing import Final

import regex  # type: ignore[import-untyped]  # ships no type information

from app.answering.guard.checks import Check, Finding, Passed, Rejected, Transformed
from app.answering.guard.jailbreak import is_jailbreak
from app.policy.tenant_policy import TenantPolicy, matching_topic

MIN_FLOOD_WORDS: Final = 40
MAX_REPEATED_SHARE: Final = 0.8
"""Forty words of which four in five repeat others are a flood and no question."""

_UNSEEN: Final = regex.compile(
    # Line breaks and tabs are white space; ZWNJ and ZWJ spell words of Persian and Indic scripts.
    r"[\p{Cc}\p{Cf}\p{Co}\p{Cn}--[\n\t\r\u200c\u200d]]",
    flags=regex.V1,
)


def question_checks(policy: TenantPolicy) -> tuple[Check, ...]:
    """In this order: what cannot be seen goes, then attempts on the model, then topics."""

    def topics(text: str) -> Finding:
        topic = matching_topic(text, policy.blocked_topics)
        if topic is None:
            return Passed()
        return Rejected(refusal="out_of_scope", reason=f"topic {topic!r}")

    return (*_FOR_EVERYBODY, Check(name="blocked_topics", find=topics))


def _shape(text: str) -> Finding:
    # Tag characters are letters to some models, so they are judged before they are dropped.
    if is_jailbreak(text):
        return Rejected(refusal="injection_detected", reason="speaks to the model about itself")
    words = text.split()
    repeated = 1 - len({word.casefold() for word in words}) / max(1, len(words))
    if len(words) >= MIN_FLOOD_WORDS and repeated > MAX_REPEATED_SHARE:
        return Rejected(refusal="injection_detected", reason="repeats the same words")
    return Passed()


def _visible(text: str) -> Finding:
    seen = _UNSEEN.sub("", text)
    return Passed() if seen == text else Transformed(text=seen, reason="invisible characters")


_FOR_EVERYBODY: Final = (
    Check(name="injection", find=_shape),
    Check(name="invisible_characters", find=_visible),
)
