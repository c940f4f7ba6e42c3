"""Why an answer is as it is, in one sentence that names what was seen."""

from app.answer import Answered
from app.generate.evidence import SentenceEvidence


def confidence_reason(answered: Answered) -> str:
    """The observed evidence in words; shares are those of the best sentence, cosine is -1 to 1."""
    match answered.outcome.status:
        case "blocked":
            return "The question was refused before anything was looked up."
        case "escalate":
            return "The tenant's policy wants a person to answer."
        case "unsupported" if not answered.evidence:
            return "No passage that could be read says anything on the question."
        case "needs_clarification":
            return f"The sources answer more than one reading; {_best(answered.evidence[0])}."
        case "unsupported":
            return _unsupported(answered)
        case _:
            return _supported(answered)


def _unsupported(answered: Answered) -> str:
    best = _best(answered.evidence[0])
    match answered.outcome.reason:
        case "stale_evidence":
            return f"Only documents out of force would answer; of those in force, {best}."
        case "verification_failed":
            removed = _counted(len(answered.claims), "claim")
            return f"Of {removed}, no quote proved one; {best}."
        case _:
            return f"The evidence is too weak: {best}."


def _supported(answered: Answered) -> str:
    citations = [citation for claim in answered.supported for citation in claim.citations]
    exact = sum(citation.method == "exact" for citation in citations)
    documents = len({citation.passage.document_id for citation in citations})
    proved = (
        f"{len(answered.supported)} of {_counted(len(answered.claims), 'claim')} proved by "
        f"{_counted(len(citations), 'quote')} ({exact} word for word) from "
        f"{_counted(documents, 'document')}"
    )
    return f"{proved}; {_best(answered.evidence[0])}." if answered.evidence else f"{proved}."


def _best(evidence: SentenceEvidence) -> str:
    return (
        f"the best sentence holds {evidence.coverage:.0%} of the question's words by weight and "
        f"has cosine {evidence.cosine:.2f} with it"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
