"""`POST /v1/grounding:check`: checks claims against texts that come with them."""

import asyncio
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from app.answering.review.grounding_model import NAME, GroundingModel
from app.answering.verify.grounding import (
    GivenSource,
    GroundedClaim,
    ground_answer,
    ground_given,
    sentences_of,
)
from app.answering.verify.profiles import fitted_profiles
from app.http.answers.schemas import Checks
from app.http.dependencies import AsksForAnswers, ResourcesDep
from app.http.grounding.schemas import (
    MAX_CLAIMS,
    GroundingCitation,
    GroundingClaim,
    GroundingReason,
    GroundingRequest,
    GroundingResponse,
)
from app.http.idempotency import IdempotencyKey, Remember, do_once, request_digest
from app.http.while_connected import while_connected
from app.resources import Resources
from kb.ids import TenantId
from kb.store.idempotency import StoredResponse

router = APIRouter(tags=["answers"])

SMALL_SOURCES: Final = 6_000
SMALL_CLAIMS: Final = 5_000
"""Characters that are checked in a thread."""

FEW_SENTENCES: Final = 50
"""Of such claims. With them a check takes 25 ms of processor time, of the worst texts that we know
470; a child would begin after 32."""


@router.post("/grounding:check", response_model=GroundingResponse)
async def check_grounding(
    request: Request,
    body: GroundingRequest,
    resources: ResourcesDep,
    caller: AsksForAnswers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Tell which claims these texts support, with the sentences that prove them.

    Nothing of the knowledge base is read and nothing is stored. The verdict is the reader's where a
    grounding model is configured, else that of rules about words; `reader` says which. A
    check has a budget of 10 s of one processor. Repeated with the same `Idempotency-Key`, it is
    made again, with the same result.
    """

    async def check() -> str:
        found = await while_connected(request, _check(body, resources, caller.tenant_id))
        return await asyncio.to_thread(_encode, found, resources)

    if idempotency_key is None:
        return Response(await check(), media_type="application/json")
    checked: str | None = None

    async def act(_remember: Remember) -> StoredResponse:
        nonlocal checked
        checked = await check()
        # The texts are the caller's, and stay there.
        return StoredResponse(status_code=200, body={})

    sent = body.model_dump(mode="json")
    digest = await asyncio.to_thread(request_digest, "POST /v1/grounding:check", sent)
    await do_once(resources.database, caller, key=idempotency_key, digest=digest, act=act)
    return Response(await check() if checked is None else checked, media_type="application/json")


async def _check(
    body: GroundingRequest, resources: Resources, tenant_id: TenantId
) -> list[GroundedClaim]:
    work, profile = resources.heavy_work, resources.verify_profile
    run = work.run_small if _is_small(body) else work.run
    given = [GivenSource(id=source.id, text=source.text) for source in body.sources]
    if body.answer is not None:
        found = await run(
            tenant_id, ground_answer, body.answer, given, profile, most_claims=MAX_CLAIMS
        )
    else:
        found = await run(tenant_id, ground_given, body.claims or [], given, profile)
    model = _reading_model(resources)
    return found if model is None else await asyncio.to_thread(model.review, found, profile)


def _is_small(body: GroundingRequest) -> bool:
    claims = body.claims or [body.answer or ""]
    return (
        sum(len(source.text) for source in body.sources) <= SMALL_SOURCES
        and sum(map(len, claims)) <= SMALL_CLAIMS
        and sum(len(sentences_of(claim)) for claim in claims) <= FEW_SENTENCES
    )


def _reading_model(resources: Resources) -> GroundingModel | None:
    """The model that reads the claims; None with the profile `strict`."""
    model = resources.answerer.grounding_model
    return model if model and model.threshold(resources.verify_profile) is not None else None


def _encode(found: Sequence[GroundedClaim], resources: Resources) -> str:
    checkable = [claim for claim in found if claim.verdict != "not_checkable"]
    supported = [claim for claim in checkable if claim.verdict == "supported"]
    response = GroundingResponse(
        claims=[
            GroundingClaim(
                text=claim.text,
                verdict=claim.verdict,
                score=round(claim.score, 4),
                polarity_checked=claim.is_polarity_checked,
                citations=[
                    GroundingCitation(
                        source_id=citation.source,
                        quote=citation.quote,
                        char_start=citation.char_start,
                        char_end=citation.char_end,
                        checks=Checks(**citation.checks),
                    )
                    for citation in claim.citations
                ],
                reasons=[
                    GroundingReason(code=reason.code, detail=reason.detail)
                    for reason in claim.reasons
                ],
            )
            for claim in found
        ],
        support_rate=len(supported) / len(checkable) if checkable else None,
        profile=resources.verify_profile,
        profile_version=fitted_profiles()["version"],
        reader=None if _reading_model(resources) is None else NAME,
    )
    return response.model_dump_json()
