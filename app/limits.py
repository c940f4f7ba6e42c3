"""The limits of this service, from its settings."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class AnswerLimits:
    """Defaults of an answer; a request may ask for less context, not for a lower floor."""

    passages: int
    context_tokens: int
    evidence_floor: float

    def tuned(self, evidence_floor: float | None) -> "AnswerLimits":
        """The same with the floor of an embedding space, where it has one."""
        if evidence_floor is None:
            return self
        return replace(self, evidence_floor=evidence_floor)


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """The most that a request may ask for."""

    max_upload_bytes: int
    max_body_bytes: int
    max_question_chars: int
    max_top_k: int
    rate_per_minute: int
