"""Guardrails are lists of small checks; each lets a text pass, transforms it or rejects it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, assert_never

Outcome = Literal["pass", "transform", "reject"]
Refusal = Literal["injection_detected", "out_of_scope", "policy"]
"""The reason that a blocked answer names."""


class CheckResult(TypedDict):
    """The record of one check; `reason` never holds text of the caller's."""

    name: str
    outcome: Outcome
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Passed:
    """Nothing was found."""


@dataclass(frozen=True, kw_only=True)
class Transformed:
    """The text to go on with."""

    text: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """The text must not be used."""

    refusal: Refusal
    reason: str


Finding = Passed | Transformed | Rejected


@dataclass(frozen=True, kw_only=True)
class Check:
    """One guardrail on a text."""

    name: str
    find: Callable[[str], Finding]


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A text after its checks; with a refusal it must not be used."""

    text: str
    results: tuple[CheckResult, ...]
    refusal: Refusal | None


def run_checks(text: str, checks: Sequence[Check]) -> Guarded:
    """The text as the checks leave it, each after the other; the first rejection ends it."""
    results: list[CheckResult] = []
    for check in checks:
        match check.find(text):
            case Passed():
                results.append(CheckResult(name=check.name, outcome="pass", reason=None))
            case Transformed(text=changed, reason=reason):
                text = changed
                results.append(CheckResult(name=check.name, outcome="transform", reason=reason))
            case Rejected(refusal=refusal, reason=reason):
                results.append(CheckResult(name=check.name, outcome="reject", reason=reason))
                return Guarded(text=text, results=tuple(results), refusal=refusal)
            case unknown:
                assert_never(unknown)
    return Guarded(text=text, results=tuple(results), refusal=None)
