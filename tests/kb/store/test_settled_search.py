"""The statement that settles a search: the key, who may read, and what state that is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kb.ids import TenantId, new_uuid
from kb.passages import Passage
from kb.postgres.database import Database, Viewer
from kb.store.chunks import read_passages
from kb.store.credentials import KeyClaim, create_key, revoke_key, sha256_of
from kb.store.settled_search import Settled, settle_search
from kb.store.tenants import change_at, current_generation
from tests.service import Person, Service

EVERYBODY = ("tenant:*",)


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A tenant with one document that all its members read and one that only Ana does."""

    database: Database
    ana: Person
    open_chunk: int
    secret_chunk: int

    async def settle(
        self,
        chunks: Mapping[int, Passage | None],
        principals: tuple[str, ...] = EVERYBODY,
        *,
        key: KeyClaim | None = None,
        now: datetime | None = None,
    ) -> Settled:
        return await settle_search(
            self.database,
            self.ana.tenant_id,
            principals,
            chunks,
            key=key,
            now=now or datetime.now(UTC),
        )

    async def read(self, chunk_id: int) -> Passage:
        viewer = Viewer(principals=("tenant:*", "user:ana"))
        async with self.database.tenant(self.ana.tenant_id, viewer=viewer) as scope:
            return (await read_passages(scope, [chunk_id]))[chunk_id]

    async def key_of(self, *principals: str) -> str:
        async with self.database.system() as system:
            key = await create_key(
                system,
                self.ana.tenant_id,
                scopes=["search"],
                principals=principals,
                expires_at=None,
            )
        return key.key

    async def new_claim(self, *, expires_at: datetime | None = None) -> KeyClaim:
        async with self.database.system() as system:
            key = await create_key(
                system,
                self.ana.tenant_id,
                scopes=["search", "documents:read"],
                principals=["user:bo"],
                expires_at=expires_at,
            )
        return KeyClaim(
            prefix=key.prefix,
            sha256=sha256_of(key.key),
            principals=("user:bo",),
            scopes=("documents:read", "search"),
        )


@pytest.fixture
async def shelf(service: Service, database: Database) -> Shelf:
    ana = await service.person(await service.new_tenant(), "user:ana")
    for text_, principals in (
        ("The lantern is green.", ["tenant:*"]),
        ("The cellar key hangs behind the lantern.", ["user:ana"]),
    ):
        await ana.upload(text_, principals=principals, title="Café » [x]")
    found = (await ana.search("lantern")).json()["data"]
    by_text = {hit["text"]: hit["chunk_id"] for hit in found}
    return Shelf(
        database=database,
        ana=ana,
        open_chunk=by_text["The lantern is green."],
        secret_chunk=by_text["The cellar key hangs behind the lantern."],
    )


async def test_only_what_the_viewer_may_read_is_readable(shelf: Shelf) -> None:
    chunks = {shelf.open_chunk: None, shelf.secret_chunk: None}

    of_all = await shelf.settle(chunks)
    of_ana = await shelf.settle(chunks, ("tenant:*", "user:ana"))
    of_nobody = await shelf.settle(chunks, ())

    assert of_all.readable == {shelf.open_chunk}
    assert [each.chunk_id for each in of_all.passages] == [shelf.open_chunk]
    assert of_ana.readable == {shelf.open_chunk, shelf.secret_chunk}
    assert of_nobody.readable == frozenset()
    assert of_nobody.passages == []


@pytest.mark.parametrize("name", ['user:a"b', "user:a\\b", "user:{a}", "user:'x'", "user:null"])
async def test_a_principal_is_taken_letter_by_letter(shelf: Shelf, name: str) -> None:
    await shelf.ana.upload("The lantern is lent.", principals=[name])
    found = (await replace(shelf.ana, key=(await shelf.key_of(name))).search("lent")).json()
    (chunk,) = [hit["chunk_id"] for hit in found["data"] if hit["text"] == "The lantern is lent."]

    assert (await shelf.settle({chunk: None}, (name,))).readable == {chunk}
    assert (await shelf.settle({chunk: None}, (f"{name}x", "user:a"))).readable == frozenset()


async def test_another_tenant_reads_nothing_of_it(shelf: Shelf, service: Service) -> None:
    stranger = replace(shelf, ana=await service.person(await service.new_tenant(), "user:ana"))

    settled = await stranger.settle({shelf.open_chunk: None}, ("tenant:*", "user:ana"))

    assert settled.readable == frozenset()
    assert settled.passages == []
    assert settled.generation == 0


async def test_passages_are_those_of_the_usual_read(shelf: Shelf) -> None:
    settled = await shelf.settle({shelf.open_chunk: None})

    assert settled.passages == [await shelf.read(shelf.open_chunk)]


async def test_a_passage_is_given_only_when_its_document_has_changed(
    shelf: Shelf,
) -> None:
    held = await shelf.read(shelf.open_chunk)
    assert held.document_revision is not None

    # A restored database gives ids and revisions a second time.
    others = [
        replace(held, document_revision=held.document_revision - 1),
        replace(held, updated_at=held.updated_at - timedelta(microseconds=1)),
    ]

    same = await shelf.settle({shelf.open_chunk: held})
    settled = [await shelf.settle({shelf.open_chunk: each}) for each in others]

    assert all(each.readable == {shelf.open_chunk} for each in (same, *settled))
    assert same.passages == []
    assert [each.passages for each in settled] == [[held], [held]]


async def test_every_change_of_a_document_gives_it_another_revision(shelf: Shelf) -> None:
    held = await shelf.read(shelf.open_chunk)
    document = f"/v1/documents/{held.document_id}"
    changes: list[dict[str, object]] = [
        {"title": "Other"},
        {"effective_at": "2020-01-01T00:00:00Z"},
    ]
    for change in changes:
        assert (await shelf.ana.request("PATCH", document, json=change)).status_code == 200

        settled = await shelf.settle({shelf.open_chunk: held})

        (held_now,) = settled.passages
        assert held_now == await shelf.read(shelf.open_chunk)
        assert held_now != held
        held = held_now


async def test_the_state_is_the_tenants(shelf: Shelf) -> None:
    settled = await shelf.settle({})

    async with shelf.database.tenant(shelf.ana.tenant_id, viewer=None) as scope:
        generation = await current_generation(scope)
        assert settled.generation == generation > 0
        assert settled.change == await change_at(scope, generation)
    assert settled.space is not None


async def test_a_tenant_that_has_gone_has_no_state(shelf: Shelf) -> None:
    settled = await settle_search(
        shelf.database, TenantId(new_uuid()), EVERYBODY, {}, key=None, now=datetime.now(UTC)
    )

    assert settled.generation is None


async def test_a_key_is_looked_at_every_time(shelf: Shelf) -> None:
    claim = await shelf.new_claim()
    chunks = {shelf.open_chunk: None}
    assert (await shelf.settle(chunks, key=claim)).readable == {shelf.open_chunk}
    others = [
        replace(claim, sha256=sha256_of("another")),
        replace(claim, prefix="fn_000000000000"),
        replace(claim, principals=("user:ana",)),
        replace(claim, scopes=("admin", "search")),
    ]
    for other in others:
        assert await shelf.settle(chunks, key=other) == Settled(is_key_valid=False)

    async with shelf.database.system() as system:
        await revoke_key(system, shelf.ana.tenant_id, claim.prefix, now=datetime.now(UTC))

    assert await shelf.settle(chunks, key=claim) == Settled(is_key_valid=False)


async def test_a_key_of_another_tenant_is_not_valid_here(shelf: Shelf, service: Service) -> None:
    claim = await shelf.new_claim()
    stranger = replace(shelf, ana=await service.person(await service.new_tenant(), "user:ana"))

    assert not (await stranger.settle({}, key=claim)).is_key_valid


async def test_a_key_is_refused_from_the_moment_it_expires(shelf: Shelf) -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    claim = await shelf.new_claim(expires_at=end)

    before = await shelf.settle({}, key=claim, now=end - timedelta(microseconds=1))
    after = await shelf.settle({}, key=claim, now=end)

    assert before.is_key_valid
    assert not after.is_key_valid


async def test_the_last_use_of_a_key_is_noted_once_a_minute(shelf: Shelf) -> None:
    claim = await shelf.new_claim()
    start = datetime(2030, 1, 1, tzinfo=UTC)
    noted = []
    for seconds in (0, 59, 61):
        await shelf.settle({}, key=claim, now=start + timedelta(seconds=seconds))
        async with shelf.database.system() as system:
            query = text("SELECT last_used_at FROM credentials WHERE prefix = :prefix")
            used_at = await system.connection.execute(query, {"prefix": claim.prefix})
            noted.append((used_at.scalar_one() - start).total_seconds())

    assert noted == [0, 0, 61]


async def test_nothing_of_it_is_left_on_the_connection(shelf: Shelf) -> None:
    chunks = {shelf.open_chunk: None, shelf.secret_chunk: None}
    await shelf.settle(chunks, ("tenant:*", "user:ana"))

    # The connections are few, and used again.
    for _ in range(4):
        assert (await shelf.settle(chunks)).readable == {shelf.open_chunk}
