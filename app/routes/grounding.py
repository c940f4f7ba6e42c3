"""The verifier as a service: claims against texts that come with them."""

import asyncio

from fastapi import APIRouter

from app.claims import VerifiedCitation
from app.dependencies import AsksForAnswers, ResourcesDep
from app.schemas.answers import ChecksAndOpinions
from app.schemas.grounding import (
    MAX_CLAIMS,
    GroundingCitation,
    GroundingClaim,
    GroundingReason,
    GroundingRequest,
    GroundingResponse,
)
from app.second_opinion.grounding_model import GroundingModel
from app.verify.given import GivenSource, context_of_given
from app.verify.grounding import GroundedClaim, ground, index_context, split_answer
from app.verify.profiles import ProfileName, fitted_profiles
from kb.errors import InvalidInput

router = APIRouter(tags=["answers"])


@router.post("/grounding:check")
async def check_grounding(
    body: GroundingRequest, resources: ResourcesDep, _caller: AsksForAnswers
) -> GroundingResponse:
    """Tell which claims these texts support, with the sentences that prove them.

    Nothing of the knowledge base is read and nothing is stored. Words, numbers, names and polarity
    are compared; entailment is not proved.
    """
    return await asyncio.to_thread(
        _check, body, resources.verify_profile, resources.answerer.grounding_model
    )


def _check(
    body: GroundingRequest, profile: ProfileName, model: GroundingModel | None
) -> GroundingResponse:
    claims = split_answer(body.answer) if body.answer is not None else body.claims or []
    if len(claims) > MAX_CLAIMS:
        raise InvalidInput(f"The answer has more than {MAX_CLAIMS} sentences.")
    given = [GivenSource(id=source.id, text=source.text) for source in body.sources]
    sources = index_context(context_of_given(given))
    fitted = fitted_profiles()
    found = [ground(claim, sources, fitted, profile) for claim in claims]
    if model is not None:
        found = model.review(found)
    checkable = [claim for claim in found if claim.verdict != "not_checkable"]
    supported = [claim for claim in checkable if claim.verdict == "supported"]
    return GroundingResponse(
        claims=[_claim_out(claim) for claim in found],
        support_rate=len(supported) / len(checkable) if checkable else None,
        profile=profile,
        profile_version=fitted["version"],
    )


def _claim_out(claim: GroundedClaim) -> GroundingClaim:
    return GroundingClaim(
        text=claim.text,
        verdict=claim.verdict,
        score=round(claim.score, 4),
        polarity_checked=claim.is_polarity_checked,
        citations=[_citation_out(citation) for citation in claim.citations],
        reasons=[GroundingReason(code=each.code, detail=each.detail) for each in claim.reasons],
    )


def _citation_out(citation: VerifiedCitation) -> GroundingCitation:
    return GroundingCitation(
        source_id=citation.source,
        quote=citation.quote,
        char_start=citation.char_start,
        char_end=citation.char_end,
        checks=ChecksAndOpinions(**citation.checks),
    )
