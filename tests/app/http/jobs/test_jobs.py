"""Jobs: how far the reading of an upload is."""

import asyncio
from uuid import uuid4

import pytest

from tests.service import Person, Service


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def test_a_job_tells_its_progress_and_its_end(ana: Person) -> None:
    created = (await ana.post_file("# A\n\nOne.\n\n# B\n\nTwo.")).json()
    path = f"/v1/jobs/{created['job']['id']}"
    assert created["job"] == (await ana.request("GET", path)).json()
    assert created["job"]["progress"] == {"done": 0, "total": None, "unit": "chunks"}

    await ana.service.run_job(ana.tenant_id, created["job"]["id"])

    job = (await ana.request("GET", path)).json()
    assert job == {
        "id": created["job"]["id"],
        "kind": "ingest",
        "status": "succeeded",
        "progress": {"done": 2, "total": 2, "unit": "chunks"},
        "error": None,
        "attempts": 1,
    }


async def test_who_waits_for_a_job_hears_of_its_end_at_once(ana: Person) -> None:
    created = (await ana.post_file("One.")).json()

    waiting = asyncio.create_task(
        ana.request("GET", f"/v1/jobs/{created['job']['id']}", params={"wait": 60}, timeout=90)
    )
    await ana.service.run_job(ana.tenant_id, created["job"]["id"])
    # Half of what it would wait for at most.
    async with asyncio.timeout(30):
        response = await waiting

    assert response.json()["status"] == "succeeded"


async def test_a_wait_that_is_over_shows_the_job_as_it_is(ana: Person) -> None:
    created = (await ana.post_file("One.")).json()
    path = f"/v1/jobs/{created['job']['id']}"

    response = await ana.request("GET", path, params={"wait": 0.2})

    assert (response.status_code, response.json()["status"]) == (200, "queued")


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "inf", "nan"])
async def test_a_wait_outside_its_range_is_refused(ana: Person, wait: str) -> None:
    response = await ana.request("GET", f"/v1/jobs/{uuid4()}", params={"wait": wait})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_an_unknown_job_is_not_found(ana: Person) -> None:
    response = await ana.request("GET", f"/v1/jobs/{uuid4()}")

    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
