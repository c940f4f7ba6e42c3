"""`/v1/reindex`: who may begin a run, and who reads its report."""

from uuid import UUID, uuid4

from app.http.reindex.schemas import ReindexRun
from footnote.outside import open_web
from footnote.worker_tools import build_reindexing, build_source_tools
from ingest.reindex import reindex
from ingest.tenant_jobs import run_tenant_job
from kb.ids import JobId
from kb.settings import Settings
from kb.store.jobs import finish_job
from kb.store.reindex_runs import EMPTY, Failure, Report, end_run
from tests.service import Person, Service

CONTRACT = (
    "id trigger started_at finished_at status seen unchanged new changed renamed deleted held "
    "failed reparsed expired stale repaired embedded_chunks embedded_tokens seconds failures "
    "held_sources"
)
NOTE = "# Leave\n\nThere are 31 days of leave a year."


async def finish(service: Service, settings: Settings, person: Person, job_id: str) -> None:
    """What a worker does with the run, whose jobs are none."""
    ingestion = service.ingestion
    async with open_web(settings) as web:
        sources = build_source_tools(settings, ingestion.database, ingestion.files, web)
        tools = build_reindexing(settings, ingestion, sources)
    await run_tenant_job(
        service.ingestion.database,
        service.ingestion.clock,
        person.tenant_id,
        JobId(job_id),  # type: ignore[arg-type]
        lambda run: reindex(tools, run),
        is_last_attempt=True,
    )


async def begin(person: Person, **body: object) -> str:
    response = await person.request("POST", "/v1/reindex", json=body)
    assert response.status_code == 202, response.text
    return str(response.json()["job"]["id"])


async def test_a_run_is_begun_followed_and_reported(service: Service, settings: Settings) -> None:
    person = await service.person(await service.new_tenant())
    document_id = await person.upload(NOTE)

    job_id = await begin(person)
    waiting = await person.request("GET", f"/v1/reindex/runs/{job_id}")
    await finish(service, settings, person, job_id)

    job = (await person.request("GET", f"/v1/jobs/{job_id}")).json()
    run = (await person.request("GET", f"/v1/reindex/runs/{job_id}")).json()
    assert (job["kind"], job["status"]) == ("reindex", "succeeded")
    assert list(run) == CONTRACT.split() == list(ReindexRun.model_fields)
    assert (waiting.json()["status"], waiting.json()["started_at"]) == ("queued", None)
    assert (run["trigger"], run["status"], run["seen"], run["unchanged"]) == (
        "api",
        "succeeded",
        1,
        1,
    )
    assert run["seconds"] >= 0
    document = await person.request("GET", f"/v1/documents/{document_id}")
    assert document.json()["version"] == 1


async def test_a_run_that_has_its_report_is_not_run_again(service: Service) -> None:
    person = await service.person(await service.new_tenant())
    job_id = await begin(person)
    async with service.resources.database.tenant(person.tenant_id, viewer=None) as scope:
        await finish_job(
            scope,
            JobId(UUID(job_id)),
            "completed_with_errors",
            error=None,
            now=service.resources.clock(),
        )

    response = await person.request("POST", f"/v1/jobs/{job_id}:retry")

    assert (response.status_code, response.json()["code"]) == (409, "job_finished")
    assert "begin another one" in response.json()["detail"]


async def test_a_document_that_failed_is_named_as_long_as_it_exists(service: Service) -> None:
    person = await service.person(await service.new_tenant())
    document_id = await person.upload(NOTE, external_id="hr/leave.md")
    job_id = await begin(person)
    failure = Failure(document_id=document_id, item=None, code="document_empty", message="Empty.")
    async with service.resources.database.tenant(person.tenant_id, viewer=None) as scope:
        report = Report(**{**EMPTY, "failures": [failure]})
        await end_run(scope, JobId(UUID(job_id)), report, now=service.resources.clock())

    async def names() -> list[str | None]:
        one = (await person.request("GET", f"/v1/reindex/runs/{job_id}")).json()
        listed = (await person.request("GET", "/v1/reindex/runs")).json()["data"]
        return [each["failures"][0]["item"] for each in (one, *listed)]

    assert await names() == ["hr/leave.md", "hr/leave.md"]
    await person.request("DELETE", f"/v1/documents/{document_id}")
    assert await names() == [None, None]


async def test_runs_are_listed_the_newest_first(service: Service) -> None:
    person = await service.person(await service.new_tenant())
    begun = [await begin(person) for _ in range(3)]

    first = (await person.request("GET", "/v1/reindex/runs?limit=2")).json()
    second = await person.request("GET", f"/v1/reindex/runs?limit=2&cursor={first['next_cursor']}")

    pages = [*first["data"], *second.json()["data"]]
    assert [run["id"] for run in pages] == begun[::-1]
    assert (first["has_more"], second.json()["has_more"]) == (True, False)


async def test_another_tenant_sees_no_run(service: Service) -> None:
    person = await service.person(await service.new_tenant())
    other = await service.person(await service.new_tenant())
    job_id = await begin(person)

    hidden = await other.request("GET", f"/v1/reindex/runs/{job_id}")
    unknown = await other.request("GET", f"/v1/reindex/runs/{uuid4()}")
    listed = await other.request("GET", "/v1/reindex/runs")

    assert (hidden.status_code, hidden.json()["code"]) == (404, "reindex_run_not_found")
    assert hidden.json()["detail"] == unknown.json()["detail"]
    assert listed.json()["data"] == []


async def test_it_takes_the_scope_admin(service: Service) -> None:
    tenant_id = await service.new_tenant()
    writer = await service.person(tenant_id, scopes=("documents:write", "documents:read"))

    responses = [
        await writer.request("POST", "/v1/reindex", json={}),
        await writer.request("GET", "/v1/reindex/runs"),
        await writer.request("GET", f"/v1/reindex/runs/{uuid4()}"),
    ]

    assert {(each.status_code, each.json()["code"]) for each in responses} == {
        (403, "scope_missing")
    }


async def test_what_is_not_there_is_refused_with_what_to_do(service: Service) -> None:
    person = await service.person(await service.new_tenant())

    model = await person.request("POST", "/v1/reindex", json={"embedding_model": "e5-small"})
    misspelt = await person.request("POST", "/v1/reindex", json={"only_chnged": False})

    assert model.status_code == 422
    assert "footnote space create --model e5-small" in model.json()["detail"]
    assert misspelt.status_code == 422


async def test_a_request_that_is_sent_twice_begins_one_run(service: Service) -> None:
    person = await service.person(await service.new_tenant())
    headers = {"Idempotency-Key": "tonight"}

    first = await person.request("POST", "/v1/reindex", headers, json={})
    again = await person.request("POST", "/v1/reindex", headers, json={})

    assert first.json() == again.json()
    assert len((await person.request("GET", "/v1/reindex/runs")).json()["data"]) == 1
