"""The statements that a small document waits for: each is a round trip to Postgres."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import event

from ingest.worker import run_job
from kb.settings import Settings
from tests.footnote.own_database import OwnDatabase, own_database

TO_STORE = 6
"""Role and settings; the lock of the bytes; the collection; document; audit event; job. The first
upload makes the collection."""

TO_BEGIN = 5
"""Role and settings; the document, locked with its job; the job; its attempt with the document's
status; spaces."""

TO_LOOK_FOR_VECTORS = 2

TO_PUBLISH = 11
"""Role and settings; the spaces, held and read; the document, locked with its job; version, chunks,
vectors; document, job, webhooks; the generations of the tenant and its readers."""


@dataclass(kw_only=True)
class Statements:
    """What was sent, in order."""

    sent: list[str] = field(default_factory=list)

    def __call__(self, *arguments: object) -> None:
        _, _, statement, parameters, _, is_for_each_row = arguments
        # psycopg sends a statement again for each of several rows.
        rows = parameters if is_for_each_row and isinstance(parameters, list) else [parameters]
        self.sent += [str(statement)] * len(rows)


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/trips") as own:
        yield own


@contextmanager
def counted(own: OwnDatabase) -> Iterator[list[str]]:
    statements = Statements()
    engine = own.tools.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", statements)
    try:
        yield statements.sent
    finally:
        event.remove(engine, "before_cursor_execute", statements)


async def test_a_document_is_stored_begun_and_published_in_few_statements(
    own: OwnDatabase,
) -> None:
    await own.upload(b"The first one makes the collection.")

    with counted(own) as storing:
        accepted = await own.upload(b"A short text.")
    assert accepted.job is not None
    with counted(own) as working:
        await run_job(own.tools, own.tenant_id, accepted.job.id, is_last_attempt=False)

    assert (await own.job(accepted.job.id)).status == "succeeded"
    assert len(storing) <= TO_STORE, storing
    assert len(working) <= TO_BEGIN + TO_LOOK_FOR_VECTORS + TO_PUBLISH, working


async def test_a_new_name_takes_one_statement_more(own: OwnDatabase) -> None:
    await own.upload(b"The first one makes the collection.")

    with counted(own) as storing:
        await own.upload(b"A text with a name.", external_id="new")

    assert len(storing) <= TO_STORE + 1, storing


async def test_the_vectors_of_a_document_are_one_statement(own: OwnDatabase) -> None:
    accepted = await own.upload(b"".join(b"# Part %d\n\nIts text.\n\n" % n for n in range(9)))
    assert accepted.job is not None

    with counted(own) as working:
        await run_job(own.tools, own.tenant_id, accepted.job.id, is_last_attempt=False)

    assert len([each for each in working if "INSERT INTO vectors_" in each]) == 1
    assert len(working) <= TO_BEGIN + TO_LOOK_FOR_VECTORS + TO_PUBLISH, working
