"""Lists, searches and answers show exactly what the caller may read, and count nothing else."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping

import pytest
from sqlalchemy import func, select

from kb.store.tables import answers
from tests.service import Person, Service
from tests.tenancy.world import ANA, HR, QUERY, World

READERS: Mapping[str, tuple[Callable[[World], Awaitable[Person]], Callable[[World], set[str]]]] = {
    "employee": (
        lambda world: world.one.ana(),
        lambda world: documents_of(world, "handbook", "review"),
    ),
    "hr": (
        lambda world: world.one.hr(),
        lambda world: documents_of(world, "handbook", "salaries") | {world.secret.document},
    ),
    "gateway for the employee": (
        lambda world: world.one.gateway(ANA),
        lambda world: documents_of(world, "handbook", "review"),
    ),
    "gateway for hr": (
        lambda world: world.one.gateway(f"user:bo, {HR}"),
        lambda world: documents_of(world, "handbook", "salaries") | {world.secret.document},
    ),
    "gateway for nobody": (
        lambda world: world.one.gateway(""),
        lambda world: documents_of(world, "handbook"),
    ),
    "other tenant": (
        lambda world: world.two.everybody(),
        lambda world: set(world.two.documents.values()),
    ),
}
"""Who reads, and all that they may."""

every_reader = pytest.mark.parametrize("reader", READERS)


def documents_of(world: World, *names: str) -> set[str]:
    return {world.one.documents[name] for name in names}


def of_the_world(world: World, document_ids: Iterable[str]) -> set[str]:
    """Those that every test finds there; other tests leave documents of their own."""
    known = set().union(*(visible(world) for _, visible in READERS.values()))
    return known.intersection(document_ids)


@every_reader
async def test_a_list_shows_what_the_caller_may_read(world: World, reader: str) -> None:
    make_person, visible = READERS[reader]

    listed = (await (await make_person(world)).request("GET", "/v1/documents")).json()

    assert of_the_world(world, (each["id"] for each in listed["data"])) == visible(world)
    assert not listed["has_more"]


@every_reader
async def test_pages_of_a_list_are_full_of_what_the_caller_may_read(
    world: World, reader: str
) -> None:
    make_person, visible = READERS[reader]
    person = await make_person(world)
    seen: list[str] = []
    cursor: dict[str, str] = {}

    while True:
        parameters = {"limit": "1", **cursor}
        page = (await person.request("GET", "/v1/documents", params=parameters)).json()
        seen += [document["id"] for document in page["data"]]
        assert len(page["data"]) == 1
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert len(seen) == len(set(seen))
    assert of_the_world(world, seen) == visible(world)


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "vector"])
@every_reader
async def test_a_search_finds_and_counts_what_the_caller_may_read(
    world: World, reader: str, mode: str
) -> None:
    make_person, visible = READERS[reader]

    found = (
        await (await make_person(world)).search(QUERY, mode=mode, top_k=100, explain=True)
    ).json()

    assert {hit["document"]["id"] for hit in found["data"]} == visible(world)
    legs = {"hybrid": ("lexical", "vector")}.get(mode, (mode,))
    # Every document has one chunk.
    for leg in legs:
        assert found["explanation"]["candidates"][leg] == len(visible(world))
        assert sorted(hit["ranks"][leg] for hit in found["data"]) == list(
            range(1, len(visible(world)) + 1)
        )


@every_reader
async def test_an_answer_is_made_from_what_the_caller_may_read(world: World, reader: str) -> None:
    make_person, visible = READERS[reader]

    answer = (
        await (await make_person(world)).ask(
            "What does the travel desk do?", include_retrieved=True
        )
    ).json()

    assert {hit["document"]["id"] for hit in answer["retrieved"]} == visible(world)
    assert {quote["document_id"] for quote in answer["citations"]} <= visible(world)


async def test_another_tenants_documents_do_not_move_a_score(service: Service) -> None:
    texts = ["# Leave\n\nThe lantern desk.", "# Travel\n\nThe lantern and the train."]
    one = await service.person(await service.new_tenant(), ANA)
    two = await service.person(await service.new_tenant(), ANA)
    for text in texts:
        await one.upload(text)
    before = (await one.search("lantern train", explain=True)).json()

    for number in range(3):
        await two.upload(f"# Note {number}\n\nA train, a train and a lantern.")
    await two.search("lantern train")

    after = (await one.search("lantern train", explain=True)).json()
    assert {**after, "timings_ms": None, "request_id": None} == {
        **before,
        "timings_ms": None,
        "request_id": None,
    }


async def test_who_uploads_for_others_manages_the_document_but_does_not_read_it(
    service: Service,
) -> None:
    importer = await service.person(await service.new_tenant(), "user:importer")
    own = await importer.upload("# Canteen\n\nThe canteen is open.")
    # From here on there is an index, and what comes after it is fresh.
    assert (await importer.search("canteen")).json()["data"]

    document_id = await importer.upload("# Bonus\n\nThe bonus is 900 euros.", principals=[HR])

    path = f"/v1/documents/{document_id}"
    assert (await importer.request("GET", path)).json()["status"] == "ready"
    assert (await importer.request("GET", f"{path}/content")).status_code == 200
    assert len((await importer.request("GET", f"{path}/chunks")).json()["data"]) == 1
    for mode in ("hybrid", "lexical", "vector"):
        found = (await importer.search("bonus", mode=mode, explain=True)).json()
        assert {hit["document"]["id"] for hit in found["data"]} <= {own}
        assert found["explanation"]["candidates"]["lexical"] == 0
        assert found["explanation"]["candidates"]["vector"] == (0 if mode == "lexical" else 1)
    answer = (await importer.ask("How much is the bonus?", include_retrieved=True)).json()
    assert answer["citations"] == []
    assert {hit["document"]["id"] for hit in answer["retrieved"]} == {own}


async def test_another_key_of_the_same_person_is_another_uploader(service: Service) -> None:
    tenant_id = await service.new_tenant()
    importer = await service.person(tenant_id, "user:importer")
    second_key = await service.person(tenant_id, "user:importer")

    response = await importer.post_file("A note.", principals=[HR])

    path = f"/v1/documents/{response.json()['document']['id']}"
    assert (await importer.request("GET", path)).status_code == 200
    assert (await second_key.request("GET", path)).status_code == 404


async def test_deleting_a_copy_does_not_tell_that_somebody_else_has_the_same_file(
    service: Service,
) -> None:
    tenant_id = await service.new_tenant()
    ana, hr = await service.person(tenant_id, ANA), await service.person(tenant_id, HR)
    await hr.post_file("The plan.", principals=[HR])
    guessed = await ana.post_file("The plan.", principals=[ANA])
    unique = await ana.post_file("Not the plan.", principals=[ANA])

    receipts = [
        (await ana.request("DELETE", f"/v1/documents/{uploaded.json()['document']['id']}")).json()
        for uploaded in (guessed, unique)
    ]

    assert receipts[0]["receipt"]["files"] == receipts[1]["receipt"]["files"] == 1


async def test_a_receipt_counts_the_answers_that_the_caller_could_get_and_all_are_deleted(
    service: Service,
) -> None:
    tenant_id = await service.new_tenant()
    ana, hr = await service.person(tenant_id, ANA), await service.person(tenant_id, HR)
    document_id = await ana.upload("# Canteen\n\nThe canteen opens at nine.")
    question = "When does the canteen open?"
    own = (await ana.ask(question)).json()["id"]
    others = [(await hr.ask(question)).json()["id"] for _ in range(2)]

    receipt = (await ana.request("DELETE", f"/v1/documents/{document_id}")).json()["receipt"]

    assert receipt["answers"] == 1
    for person, answer_id in ((ana, own), *((hr, each) for each in others)):
        assert (await person.request("GET", f"/v1/answers/{answer_id}")).status_code == 404
    async with service.resources.database.tenant(tenant_id, viewer=None) as scope:
        left = await scope.connection.execute(select(func.count()).select_from(answers))
        assert left.scalar_one() == 0


async def test_a_repeated_key_of_somebody_else_is_no_repetition(world: World) -> None:
    ana, hr = await world.one.ana(), await world.one.hr()
    headers = {"Idempotency-Key": "nightly import"}
    body = {"text": "A note of HR.", "principals": [HR]}
    first = await hr.request("POST", "/v1/documents", headers, json=body)

    same = await ana.request("POST", "/v1/documents", headers, json=body)
    other = await world.two.ana()
    elsewhere = await other.request("POST", "/v1/documents", headers, json={"text": "Another."})

    assert [first.status_code, same.status_code, elsewhere.status_code] == [202, 202, 202]
    assert same.json()["document"]["id"] != first.json()["document"]["id"]


async def test_somebody_in_many_groups_can_do_everything_once(world: World) -> None:
    groups = ",".join(f"group:{secrets.token_hex(20)}" for _ in range(150))
    gateway = await world.one.gateway(groups)
    headers = {"Idempotency-Key": "once"}
    body = {"text": "A note.", "principals": ["user:nobody"]}

    first, second = [
        await gateway.request("POST", "/v1/documents", headers, json=body) for _ in range(2)
    ]

    assert first.status_code == 202, first.text
    assert second.json() == first.json()
