"""Migrations build what the code expects, can be taken back, and stand company."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event
from time import monotonic

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from kb.postgres.connecting import conninfo, sqlalchemy_url
from kb.postgres.database import Database
from kb.postgres.row_security import probe_row_security
from kb.store.collections import ensure_collection
from kb.store.spaces import Space, ensure_space
from kb.store.tables import metadata
from kb.store.tenants import create_tenant
from migrations.run import ADVISORY_LOCK, downgrade, is_current, upgrade
from tests.architecture.databases import execute, values, with_database, with_login
from tests.architecture.source import ROOT

SPACE = Space(name="test_space", model="test", revision="1", dimension=3)
ROLES = "footnote_reader, footnote_writer, footnote_system"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
FUNCTIONS = "SELECT proname FROM pg_proc WHERE proname LIKE 'footnote%'"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg%'"
WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
PATIENCE_SECONDS = 60


def differences(database_url: str) -> list[object]:
    """What the metadata and the database disagree on."""
    engine = create_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_server_default": True,
                # Embedding spaces have tables of their own, made as they are needed.
                "include_name": lambda name, kind, _parents: (
                    not (kind == "table" and (name or "").startswith("vectors_"))
                ),
            },
        )
        return list(compare_metadata(context, metadata))


async def make_space(database_url: str) -> None:
    database = Database(database_url, pool_size=2)
    await ensure_space(database, SPACE)
    await database.close()


async def test_the_migrations_build_the_tables_of_the_metadata(migrated_database_url: str) -> None:
    await make_space(migrated_database_url)

    assert differences(migrated_database_url) == []


def test_a_column_that_the_metadata_lacks_is_noticed(migrated_database_url: str) -> None:
    execute(migrated_database_url, "ALTER TABLE documents ADD COLUMN forgotten integer")

    assert len(differences(migrated_database_url)) == 1


async def test_a_downgrade_leaves_nothing_and_can_be_upgraded_again(
    migrated_database_url: str,
) -> None:
    await make_space(migrated_database_url)

    downgrade(migrated_database_url)

    assert values(migrated_database_url, TABLES) == {"alembic_version"}
    assert values(migrated_database_url, FUNCTIONS) == set()
    assert values(migrated_database_url, SCHEMAS) == {"public", "information_schema"}
    upgrade(migrated_database_url)
    assert differences(migrated_database_url) == []
    assert is_current(migrated_database_url)


def test_each_step_can_be_taken_back_and_repeated(empty_database_url: str) -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))
    revisions = [step.revision for step in reversed(list(script.walk_revisions()))]
    before = ["base", *revisions]

    for revision, earlier in zip(revisions, before, strict=False):
        upgrade(empty_database_url, revision)
        downgrade(empty_database_url, earlier)
        upgrade(empty_database_url, revision)

    assert revisions
    assert is_current(empty_database_url)


def test_an_empty_database_is_not_current(empty_database_url: str) -> None:
    assert not is_current(empty_database_url)


def test_an_upgraded_database_is_current(migrated_database_url: str) -> None:
    assert is_current(migrated_database_url)


def test_a_database_one_step_behind_is_not_current(migrated_database_url: str) -> None:
    downgrade(migrated_database_url, "-1")

    assert not is_current(migrated_database_url)


def test_two_upgrades_at_once_do_not_collide(empty_database_url: str) -> None:
    with ExitStack() as stack:
        guard = stack.enter_context(psycopg.connect(conninfo(empty_database_url), autocommit=True))
        guard.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        upgrades = [stack.enter_context(upgrade_process(empty_database_url)) for _ in range(2)]
        # Both stand at the start line before either may run.
        wait_until(lambda: len(values(empty_database_url, WAITING)) == 2)

        guard.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        outputs = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in upgrades]

    assert [process.returncode for process in upgrades] == [0, 0], outputs
    assert is_current(empty_database_url)


def upgrade_process(database_url: str) -> subprocess.Popen[str]:
    code = "import sys; from migrations.run import upgrade; upgrade(sys.argv[1])"
    return subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-c", code, database_url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not condition():
        assert monotonic() < deadline
        Event().wait(0.05)


@pytest.mark.parametrize(
    "preparation",
    [
        pytest.param(["CREATE ROLE app LOGIN CREATEROLE"], id="it may create roles"),
        pytest.param(
            [
                *(f"CREATE ROLE {role} NOLOGIN" for role in ROLES.split(", ")),
                "CREATE ROLE app LOGIN",
                f"GRANT {ROLES} TO app",
            ],
            id="somebody else made the roles",
        ),
    ],
)
async def test_a_login_that_is_no_superuser_is_enough(
    bare_server_url: str, preparation: list[str]
) -> None:
    execute(bare_server_url, *preparation, "CREATE DATABASE app OWNER app")
    url = with_database(bare_server_url, "app")
    execute(url, "CREATE EXTENSION vector")
    app_url = with_login(url, "app")

    upgrade(app_url)

    await make_space(app_url)
    database = Database(app_url, pool_size=2)
    await probe_row_security(database)
    async with database.system() as system:
        tenant = await create_tenant(system, "acme")
    async with database.tenant(tenant.id, viewer=None) as scope:
        await ensure_collection(scope, "default")
    await database.close()
    assert values(url, "SELECT name FROM collections") == {"default"}
    assert values(app_url, "SELECT name FROM collections") == set()
    downgrade(app_url)
    assert values(url, TABLES) == {"alembic_version"}


OLD_ROWS = """
    INSERT INTO tenants (id, name) VALUES ({tenant}, 'old');
    INSERT INTO collections (tenant_id, id, name) VALUES ({tenant}, {tenant}, 'default');
    INSERT INTO documents (tenant_id, id, collection_id, owner, media_type, principals, status,
        version, upload, content_sha256, size_bytes, filename)
    SELECT {tenant}, id::uuid, {tenant}, 'ana', 'application/pdf', '{{}}', 'ready', version, upload,
        'newest', 9, 'newest.pdf'
    FROM (VALUES ({served}, 2, 2), ({waiting}, 1, 2), ({unread}, 0, 1)) AS d(id, version, upload);
    INSERT INTO document_versions (tenant_id, document_id, version, content, content_sha256,
        size_bytes, media_type, parser, parser_version)
    SELECT {tenant}, id::uuid, version, 'x', sha256, 1, 'text/plain', 'x', '1'
    FROM (VALUES ({served}, 1, 'first'), ({served}, 2, 'newest'), ({waiting}, 1, 'first'))
        AS v(id, version, sha256);
    INSERT INTO jobs (tenant_id, id, kind, document_id, upload, owner)
    SELECT {tenant}, gen_random_uuid(), 'ingest', id::uuid, upload, owner
    FROM (VALUES ({served}, 1, 'ana'), ({served}, 2, 'bob'), ({waiting}, 1, 'ana'),
        ({waiting}, 2, 'bob'), ({unread}, 1, 'ana')) AS j(id, upload, owner);
"""
SAID = """
    SELECT concat_ws(' ', right(id::text, 1), owner, uploader, served_sha256, served_size_bytes,
        coalesce(served_filename, '-')) FROM documents
"""


def test_documents_of_an_earlier_release_belong_to_who_uploaded_what_is_served(
    empty_database_url: str,
) -> None:
    ids = {
        name: f"'00000000-0000-0000-0000-00000000000{number}'"
        for number, name in enumerate(("tenant", "served", "waiting", "unread"))
    }
    upgrade(empty_database_url, "0008")
    execute(empty_database_url, OLD_ROWS.format(**ids))

    upgrade(empty_database_url)

    assert values(empty_database_url, SAID) == {
        "1 bob bob newest 1 newest.pdf",
        "2 ana bob first 1 -",
        "3 ana ana newest 9 newest.pdf",
    }


OLD_ANSWERS = """
    INSERT INTO tenants (id, name) VALUES ('{tenant}', 'old');
    INSERT INTO answers
        (tenant_id, id, subject, principals, status, generation, request, response, trace)
    SELECT '{tenant}', gen_random_uuid(), 'user:ana', '{{}}', 'answered', number, request::jsonb,
        response::jsonb, trace::jsonb
    FROM (VALUES
        (1, '{{"history": [{{"role": "user", "content": "How much?"}},
                           {{"role": "assistant", "content": "731 euros. [1]"}}]}}',
            '{{"handover": {{"history": [{{"role": "user", "content": "How much?"}},
                                         {{"role": "assistant", "content": "731 euros. [1]"}}]}}}}',
            '{{"claims": [{{"text": "731 euros."}}], "rejected": [["no_quote"]]}}'),
        (2, '{{"history": [{{"role": "user", "content": "How much?"}}]}}', '{{"handover": null}}',
            '{{"claims": [{{"text": "9 days."}}], "rejected": [["no_quote"]]}}'),
        (3, '{{"history": null}}', '{{}}', '{{}}'),
        (4, '{{"history": [{{"role": "assistant", "content": "731 euros. [1]"}}]}}', '{{}}',
            '{{"claims": [{{"text": "9 days.", "draft": {{"text": "731 euros."}}}}],
               "rejected": []}}')
    ) AS a (number, request, response, trace);
    INSERT INTO idempotency_keys (tenant_id, owner, key, request_sha256, status_code, response)
    SELECT tenant_id, 'ana', 'again', 'x', 200, response FROM answers WHERE generation = 1;
"""
ANSWERS = "SELECT concat_ws(' | ', request, response, trace) FROM answers WHERE generation = {}"


def test_answers_of_an_earlier_release_forget_what_the_assistant_said_before(
    empty_database_url: str,
) -> None:
    upgrade(empty_database_url, "0024")
    tenant = "00000000-0000-0000-0000-000000000000"
    execute(empty_database_url, OLD_ANSWERS.format(tenant=tenant))
    others = [values(empty_database_url, ANSWERS.format(number)) for number in (2, 3)]

    upgrade(empty_database_url)

    (forgetful,) = values(empty_database_url, ANSWERS.format(1))
    (quoting,) = values(empty_database_url, ANSWERS.format(4))
    (again,) = values(empty_database_url, "SELECT response FROM idempotency_keys")
    assert "731 euros" not in f"{forgetful} {quoting} {again}"
    assert "How much?" in again
    assert forgetful.count("How much?") == 2
    assert hashlib.sha256(b"731 euros. [1]").hexdigest() in forgetful
    assert [values(empty_database_url, ANSWERS.format(number)) for number in (2, 3)] == others


OLD_FILES = """
    INSERT INTO tenants (id, name) VALUES ('{tenant}', 'old');
    INSERT INTO collections (tenant_id, id, name) VALUES ('{tenant}', '{tenant}', 'default');
    INSERT INTO documents (tenant_id, id, collection_id, owner, principals, media_type, status,
        content_sha256, size_bytes, filename, served_filename)
    SELECT '{tenant}', gen_random_uuid(), '{tenant}', 'ana', '{{}}', 'text/plain', 'ready', 'x', 1,
        filename, served_filename
    FROM (VALUES
        ('C:\\Users\\ana\\pay.txt', '/home/ana/old.txt'), (E'no\\u202Edm.md', NULL), ('../', 'b.md')
    ) AS sent (filename, served_filename);
"""
FILES = "SELECT concat_ws(' ', coalesce(filename, '-'), served_filename) FROM documents"


def test_file_names_of_an_earlier_release_lose_their_folders(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0028")
    tenant = "00000000-0000-0000-0000-000000000000"
    execute(empty_database_url, OLD_FILES.format(tenant=tenant))

    upgrade(empty_database_url)

    assert values(empty_database_url, FILES) == {"pay.txt old.txt", "nodm.md", "- b.md"}
