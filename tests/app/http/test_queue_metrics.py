"""`/metrics` shows the queue of all tenants as it is at that moment."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from kb.settings import Settings
from kb.telemetry import Metrics
from tests.footnote.own_database import OwnDatabase, own_database
from tests.ingest.files.builders import encrypted_pdf_file
from tests.service import Service


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/queue-metrics") as own:
        yield own


@pytest.fixture
async def http(service: Service, own: OwnDatabase) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API before the test's own database."""
    resources = replace(service.resources, database=own.tools.database, metrics=Metrics())
    async with service.with_resources(resources) as other:
        yield other.http


async def shown(http: httpx.AsyncClient, name: str) -> dict[tuple[str, ...], float]:
    """The metric's values that are not 0, by its labels in the order of their names."""
    families = text_string_to_metric_families((await http.get("/metrics")).text)
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and sample.value
    }


async def test_an_empty_queue_is_shown_as_zeros(http: httpx.AsyncClient) -> None:
    exposition = (await http.get("/metrics")).text

    for name in ("footnote_queue_jobs", "footnote_queue_oldest_seconds", "footnote_jobs_failed"):
        assert f"\n{name}{{" in exposition
        assert await shown(http, name) == {}


async def test_a_waiting_and_a_failed_job_are_counted(
    http: httpx.AsyncClient, own: OwnDatabase
) -> None:
    await own.upload(encrypted_pdf_file("secret"), filename="locked.pdf")
    await own.work_until_empty()
    await own.upload(b"One.")
    await own.upload(b"Two.")
    async with own.tools.database.owner() as connection:
        await connection.execute(
            text(
                "UPDATE procrastinate.procrastinate_jobs SET queued_at = now() - interval '90 s'"
                " WHERE id = (SELECT max(id) FROM procrastinate.procrastinate_jobs)"
            )
        )

    jobs = await shown(http, "footnote_queue_jobs")
    oldest = await shown(http, "footnote_queue_oldest_seconds")
    failed = await shown(http, "footnote_jobs_failed")

    assert jobs == {("ingest", "single", "waiting"): 2}
    assert set(oldest) == {("ingest", "single")}
    assert 90 <= oldest["ingest", "single"] < 900
    assert failed == {("ingest",): 1}
