"""Stores what was uploaded, and tells what became of it."""

from app.http.documents.present import document_out
from app.http.documents.schemas import DocumentAccepted
from app.http.idempotency import Remember
from app.http.jobs.present import job_out
from app.identity import Caller
from app.resources import Resources
from kb.postgres.database import TenantSession
from kb.store.idempotency import StoredResponse
from kb.store.uploads import Accepted, Upload


async def store_upload(
    resources: Resources, caller: Caller, upload: Upload, remember: Remember
) -> StoredResponse:
    """The response to an upload, remembered in the transaction that stores it.

    202 with a job, 200 without one when nothing has changed; errors as of `Uploads.accept`.
    """
    responses: list[StoredResponse] = []

    async def along_with(scope: TenantSession, accepted: Accepted) -> None:
        # The last one is that of the transaction that was committed.
        responses.append(_response(accepted))
        await remember(scope, responses[-1])

    await resources.uploads.accept(
        caller.tenant_id,
        upload,
        viewer=caller.managing_viewer,
        actor=caller.actor,
        now=resources.clock(),
        along_with=along_with,
    )
    return responses[-1]


def _response(accepted: Accepted) -> StoredResponse:
    body = DocumentAccepted(
        document=document_out(accepted.document),
        job=job_out(accepted.job) if accepted.job else None,
    )
    return StoredResponse(
        status_code=202 if accepted.job else 200, body=body.model_dump(mode="json")
    )
