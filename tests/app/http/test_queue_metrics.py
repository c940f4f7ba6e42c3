"""`/metrics` shows the queue and the documents of all tenants, and asks the database seldom."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.http.database_numbers import Count
from kb.errors import DatabaseUnavailable
from kb.postgres.database import Database
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

    assert await shown(http, "footnote_documents") == {("failed",): 1, ("pending",): 2}
    assert jobs == {("ingest", "single", "waiting"): 2}
    assert set(oldest) == {("ingest", "single")}
    assert 90 <= oldest["ingest", "single"] < 900
    assert failed == {("ingest",): 1}


async def test_a_database_that_is_away_leaves_the_other_metrics(service: Service) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    resources = replace(service.resources, database=away, metrics=Metrics())

    async with service.with_resources(resources) as other:
        response = await other.http.get("/metrics")

    assert response.status_code == httpx.codes.OK
    assert "\nfootnote_jobs_waiting -1.0\n" in response.text
    assert "\nfootnote_build_info{" in response.text
    for name in ("footnote_queue_jobs", "footnote_jobs_failed", "footnote_documents"):
        assert f"\n{name}{{" not in response.text


class Counted:
    """A count that takes so many seconds on a clock of its own."""

    def __init__(self, seconds: float, error: Exception | None = None) -> None:
        self.now = 1000.0
        self.counts = self.forgotten = 0
        self.seconds = seconds
        self._error = error
        self.count = Count(self._run, self._forget, lambda: self.now)

    async def _run(self) -> None:
        self.now += self.seconds
        self.counts += 1
        if self._error is not None:
            raise self._error

    def _forget(self) -> None:
        self.forgotten += 1

    async def counts_after(self, seconds: float) -> int:
        """How often it has counted once somebody asks so many seconds later."""
        self.now += seconds
        await self.count.latest()
        return self.counts


@pytest.mark.parametrize(
    ("counted", "fresh_seconds"),
    [
        # At least 5 s, and 100 times as long as it took.
        (Counted(0.01), 5.0),
        (Counted(0.6), 60.0),
        # Its time was spent all the same.
        (Counted(60.0, TimeoutError()), 6000.0),
        # A database that was away may be back.
        (Counted(10.0, DatabaseUnavailable()), 5.0),
    ],
    ids=["quick", "slow", "too slow", "away"],
)
async def test_the_slower_a_count_the_more_seldom_it_is_made(
    counted: Counted, fresh_seconds: float
) -> None:
    await counted.count.latest()
    waiting = fresh_seconds - counted.seconds

    still = await counted.counts_after(waiting - 0.001) if waiting > 0 else counted.counts
    again = await counted.counts_after(0.002)

    assert (still, again) == (1, 2)


async def test_those_who_ask_beside_each_other_share_a_count() -> None:
    counted = Counted(1.0)

    await asyncio.gather(*(counted.count.latest() for _ in range(20)))

    assert counted.counts == 1


async def test_a_result_that_is_not_known_is_forgotten() -> None:
    known, unknown = Counted(1.0), Counted(1.0, DatabaseUnavailable())

    await known.count.latest()
    await unknown.count.latest()

    assert (known.forgotten, unknown.forgotten) == (0, 1)
