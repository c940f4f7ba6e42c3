"""The state of the service that an answer is made with, and names."""

from dataclasses import dataclass
from typing import TypedDict

from app.answering.prompts.prompt import Prompt
from app.answering.verify.profiles import ProfileName
from app.limits import AnswerLimits
from app.retrieve.query import RetrievalLimits


class ReleaseRecord(TypedDict):
    """A release as an answer's record names it."""

    prompt: str
    prompt_sha256: str
    model: str
    embedding_space: str
    abstention: str
    candidates: int
    lexical_weight: float
    passages: int
    context_tokens: int
    evidence_floor: float
    verify_profile: ProfileName
    grounding_model: str | None


@dataclass(frozen=True, kw_only=True)
class Release:
    """All that shapes an answer besides the question and the documents.

    Attributes:
        model: the alias of the language model, or EXTRACTIVE. The models behind an alias may
            change without it.
        abstention: the hash of the questions that the probability of an answer was fitted to.
        grounding_model: the hash of the data that its thresholds were fitted to; None: none reads.
    """

    prompt: Prompt
    model: str
    embedding_space: str
    abstention: str
    retrieval: RetrievalLimits
    limits: AnswerLimits
    verify_profile: ProfileName
    grounding_model: str | None

    def record(self) -> ReleaseRecord:
        """The release as JSON takes it."""
        return ReleaseRecord(
            prompt=self.prompt.reference,
            prompt_sha256=self.prompt.sha256,
            model=self.model,
            embedding_space=self.embedding_space,
            abstention=self.abstention,
            candidates=self.retrieval.candidates,
            lexical_weight=self.retrieval.lexical_weight,
            passages=self.limits.passages,
            context_tokens=self.limits.context_tokens,
            evidence_floor=self.limits.evidence_floor,
            verify_profile=self.verify_profile,
            grounding_model=self.grounding_model,
        )
