"""Jobs are listed, run again and canceled by those who may."""

import asyncio
from http import HTTPStatus
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from kb.ids import DocumentId, JobId
from kb.postgres.database import Database
from kb.store.documents import get_document
from kb.store.job_kinds import INGEST
from kb.store.jobs import enqueue_job, finish_job, start_job
from tests.ingest.files.builders import encrypted_pdf_file
from tests.service import Person, Service

LOCKED = encrypted_pdf_file("secret")


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


@pytest.fixture
async def bo(ana: Person) -> Person:
    return await ana.service.person(
        ana.tenant_id, "user:bo", scopes=["documents:read", "documents:write"]
    )


async def jobs_of(person: Person, **params: object) -> list[dict[str, object]]:
    response = await person.request("GET", "/v1/jobs", params=params)
    assert response.status_code == HTTPStatus.OK, response.text
    return list(response.json()["data"])


async def steer(person: Person, job_id: object, how: str) -> httpx.Response:
    return await person.request("POST", f"/v1/jobs/{job_id}:{how}")


async def status_of(person: Person, document_id: object) -> tuple[str, str | None]:
    document = (await person.request("GET", f"/v1/documents/{document_id}")).json()
    return document["status"], document["error"] and document["error"]["code"]


async def queued(database: Database, job_id: object) -> int:
    async with database.owner() as connection:
        query = "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE args->>'job_id' = :id"
        return int((await connection.execute(text(query), {"id": str(job_id)})).scalar_one())


async def test_jobs_are_listed_newest_first_page_by_page(ana: Person) -> None:
    created = [(await ana.post_file(f"Note {number}.")).json()["job"] for number in range(3)]

    first = (await ana.request("GET", "/v1/jobs", params={"limit": 2})).json()
    second = (
        await ana.request("GET", "/v1/jobs", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()

    assert [*first["data"], *second["data"]] == created[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


async def test_jobs_are_chosen_by_status_and_kind(ana: Person) -> None:
    await ana.upload("Read.")
    await ana.upload(LOCKED, "locked.pdf")
    await ana.post_file("Waits.")

    assert [job["status"] for job in await jobs_of(ana)] == ["queued", "failed", "succeeded"]
    [failed] = await jobs_of(ana, status="failed")
    assert failed["error"] == {
        "code": "document_encrypted",
        "message": "The document is encrypted: remove the password and upload it again.",
        "retryable": False,
    }
    assert len(await jobs_of(ana, kind="ingest", status="succeeded")) == 1


@pytest.mark.parametrize("params", [{"status": "done"}, {"kind": "cooking"}, {"state": "failed"}])
async def test_an_unknown_choice_is_refused(ana: Person, params: dict[str, str]) -> None:
    response = await ana.request("GET", "/v1/jobs", params=params)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_failed_job_runs_again(ana: Person) -> None:
    document_id = await ana.upload(LOCKED, "locked.pdf")
    [failed] = await jobs_of(ana)

    retried = await steer(ana, failed["id"], "retry")

    assert retried.status_code == HTTPStatus.OK
    job = retried.json()
    assert (job["id"], job["status"], job["error"]) == (failed["id"], "queued", None)
    assert await status_of(ana, document_id) == ("pending", None)
    # One more than the one that no worker took from the queue here.
    assert await queued(ana.service.resources.database, job["id"]) == 1 + 1
    await ana.service.run_job(ana.tenant_id, job["id"])
    [again] = await jobs_of(ana)
    assert (again["status"], again["attempts"]) == ("failed", 2)
    assert await status_of(ana, document_id) == ("failed", "document_encrypted")


async def test_what_waits_or_runs_is_not_queued_a_second_time(ana: Person) -> None:
    created = (await ana.post_file("Waits.")).json()["job"]

    again = await steer(ana, created["id"], "retry")

    assert again.json() == created
    assert await queued(ana.service.resources.database, created["id"]) == 1


async def test_two_retries_at_once_queue_it_once(ana: Person) -> None:
    created = (await ana.post_file("Waits.")).json()["job"]
    await steer(ana, created["id"], "cancel")

    both = await asyncio.gather(*(steer(ana, created["id"], "retry") for _ in range(2)))

    assert [response.json()["status"] for response in both] == ["queued", "queued"]
    assert await queued(ana.service.resources.database, created["id"]) == 1


async def test_a_job_that_succeeded_is_not_run_again(ana: Person) -> None:
    await ana.upload("Read.")
    [job] = await jobs_of(ana)

    response = await steer(ana, job["id"], "retry")

    assert (response.status_code, response.json()["code"]) == (409, "job_finished")


async def test_only_the_newest_upload_is_read_again(ana: Person) -> None:
    await ana.upload(LOCKED, "locked.pdf", external_id="a")
    [failed] = await jobs_of(ana)
    await ana.upload("Readable now.", external_id="a")

    response = await steer(ana, failed["id"], "retry")

    assert (response.status_code, response.json()["code"]) == (409, "job_finished")
    assert "newer upload" in response.json()["detail"]


async def test_a_canceled_job_never_runs(ana: Person) -> None:
    created = (await ana.post_file("Secret plan.")).json()

    canceled = await steer(ana, created["job"]["id"], "cancel")
    again = await steer(ana, created["job"]["id"], "cancel")

    assert canceled.status_code == HTTPStatus.OK
    assert canceled.json()["status"] == "canceled"
    assert again.json() == canceled.json()
    assert await queued(ana.service.resources.database, created["job"]["id"]) == 0
    await ana.service.run_job(ana.tenant_id, created["job"]["id"])
    assert (await ana.search("plan")).json()["data"] == []
    assert await status_of(ana, created["document"]["id"]) == ("failed", "upload_canceled")


async def test_a_canceled_job_can_be_run_after_all(ana: Person) -> None:
    created = (await ana.post_file("Secret plan.")).json()
    await steer(ana, created["job"]["id"], "cancel")

    await steer(ana, created["job"]["id"], "retry")
    await ana.service.run_job(ana.tenant_id, created["job"]["id"])

    assert await status_of(ana, created["document"]["id"]) == ("ready", None)
    assert len((await ana.search("plan")).json()["data"]) == 1


async def test_what_is_served_stays_when_its_replacement_is_canceled(ana: Person) -> None:
    document_id = await ana.upload("Leave is 30 days.", external_id="a")
    replacement = (await ana.post_file("Leave is 31 days.", external_id="a")).json()

    await steer(ana, replacement["job"]["id"], "cancel")

    document = (await ana.request("GET", f"/v1/documents/{document_id}")).json()
    assert (document["status"], document["version"]) == ("ready_with_warnings", 1)
    assert document["pending_upload"]["error"]["code"] == "upload_canceled"
    [hit] = (await ana.search("How long is leave?")).json()["data"]
    assert hit["text"] == "Leave is 30 days."
    again = await ana.post_file("Leave is 31 days.", external_id="a")
    assert again.json()["job"]["status"] == "queued"


async def read_by_another_job(person: Person, document_id: str) -> None:
    """As a re-index of everything does, which tries again what could not be read."""
    async with person.service.resources.database.tenant(person.tenant_id, viewer=None) as scope:
        document = await get_document(scope, DocumentId(UUID(document_id)))
        job = await enqueue_job(scope, INGEST, owner="reindex", document=document)
    await person.service.run_job(person.tenant_id, str(job.id))


async def test_an_upload_that_another_job_has_read_is_not_read_again(ana: Person) -> None:
    created = (await ana.post_file("Leave is 30 days.")).json()
    await steer(ana, created["job"]["id"], "cancel")
    await read_by_another_job(ana, created["document"]["id"])

    response = await steer(ana, created["job"]["id"], "retry")

    assert (response.status_code, response.json()["code"]) == (409, "job_finished")
    assert await status_of(ana, created["document"]["id"]) == ("ready", None)


async def test_a_job_whose_upload_another_one_has_read_leaves_its_document_alone(
    ana: Person,
) -> None:
    created = (await ana.post_file("Leave is 30 days.")).json()
    await read_by_another_job(ana, created["document"]["id"])

    await ana.service.run_job(ana.tenant_id, created["job"]["id"])

    job = (await ana.request("GET", f"/v1/jobs/{created['job']['id']}")).json()
    assert job["status"] == "canceled"
    assert await status_of(ana, created["document"]["id"]) == ("ready", None)


async def test_to_cancel_a_job_whose_upload_another_one_has_read_changes_no_document(
    ana: Person,
) -> None:
    created = (await ana.post_file("Leave is 30 days.")).json()
    await read_by_another_job(ana, created["document"]["id"])

    response = await steer(ana, created["job"]["id"], "cancel")

    assert response.json()["status"] == "canceled"
    assert await status_of(ana, created["document"]["id"]) == ("ready", None)


async def test_a_running_job_is_stopped_and_publishes_nothing(ana: Person) -> None:
    created = (await ana.post_file("Secret plan.")).json()
    database, job_id = ana.service.resources.database, JobId(created["job"]["id"])
    now = ana.service.resources.clock()
    async with database.tenant(ana.tenant_id, viewer=None) as scope:
        attempt = await start_job(scope, job_id, is_alone=False, now=now)

    response = await steer(ana, job_id, "cancel")

    assert (attempt, response.json()["status"]) == (1, "canceled")
    await ana.service.run_job(ana.tenant_id, str(job_id))
    assert (await ana.search("plan")).json()["data"] == []


@pytest.mark.parametrize("status", ["succeeded", "failed", "completed_with_errors"])
async def test_a_job_that_has_ended_cannot_be_canceled(ana: Person, status: str) -> None:
    created = (await ana.post_file("A note.")).json()
    database, job_id = ana.service.resources.database, JobId(created["job"]["id"])
    async with database.tenant(ana.tenant_id, viewer=None) as scope:
        await finish_job(scope, job_id, status, error=None, now=ana.service.resources.clock())  # type: ignore[arg-type]  # one of the parameters

    response = await steer(ana, job_id, "cancel")

    assert (response.status_code, response.json()["code"]) == (409, "job_finished")


@pytest.mark.parametrize("how", ["retry", "cancel"])
async def test_a_reader_may_not_steer_the_job_of_another(ana: Person, bo: Person, how: str) -> None:
    created = (await ana.post_file("For all.", principals=["tenant:*"])).json()["job"]

    response = await steer(bo, created["id"], how)

    assert [job["id"] for job in await jobs_of(bo)] == [created["id"]]
    assert (response.status_code, response.json()["code"]) == (409, "job_of_another")
    assert await jobs_of(ana) == [created]


@pytest.mark.parametrize("how", ["retry", "cancel"])
async def test_whom_the_job_is_hidden_from_finds_none(ana: Person, bo: Person, how: str) -> None:
    created = (await ana.post_file("For me.", principals=["user:ana"])).json()["job"]

    response, unknown = await steer(bo, created["id"], how), await steer(bo, uuid4(), how)

    assert await jobs_of(bo) == []
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    assert {**response.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


@pytest.mark.parametrize("how", ["retry", "cancel"])
async def test_an_admin_and_the_same_person_may_steer_it(ana: Person, how: str) -> None:
    admin = await ana.service.person(
        ana.tenant_id, "user:root", scopes=["admin", "documents:read", "documents:write"]
    )
    other_key = await ana.service.person(
        ana.tenant_id, "user:ana", scopes=["documents:read", "documents:write"]
    )

    for person in (admin, other_key):
        created = (await ana.post_file("For all.")).json()["job"]
        assert (await steer(person, created["id"], how)).status_code == HTTPStatus.OK


async def test_who_may_only_read_cannot_steer(ana: Person) -> None:
    created = (await ana.post_file("For all.")).json()["job"]
    reader = await ana.service.person(ana.tenant_id, "user:ana", scopes=["documents:read"])

    response = await steer(reader, created["id"], "cancel")

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


async def test_a_cancel_beside_the_worker_ends_one_way(ana: Person) -> None:
    """Whichever of the two comes first: job and document tell the same."""
    for number in range(5):
        created = (await ana.post_file(f"Race {number}.")).json()
        _, response = await asyncio.gather(
            ana.service.run_job(ana.tenant_id, created["job"]["id"]),
            steer(ana, created["job"]["id"], "cancel"),
        )
        job = (await ana.request("GET", f"/v1/jobs/{created['job']['id']}")).json()
        status, code = await status_of(ana, created["document"]["id"])

        was_canceled = response.status_code == HTTPStatus.OK
        assert job["status"] == ("canceled" if was_canceled else "succeeded")
        assert (status, code) == (
            ("failed", "upload_canceled") if was_canceled else ("ready", None)
        )
