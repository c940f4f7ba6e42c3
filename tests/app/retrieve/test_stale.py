"""What was in force at a time, and what is left out as stale: as the caller may know it."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from app.retrieve.query import SearchQuery
from kb.postgres.database import Viewer
from kb.store.tables import idempotency_keys
from tests.service import Person, Service

ANA, HR, ALL = "user:ana", "group:hr", "tenant:*"
MODES = ("hybrid", "lexical", "vector")
WORD = "ferry"


@dataclass(frozen=True, kw_only=True)
class Fares:
    """Who reads the fares, and the ids of the documents by title."""

    ana: Person
    hr: Person
    stranger: Person
    ids: dict[str, str]


@pytest.fixture(scope="module")
async def fares(service: Service) -> Fares:
    tenant_id = await service.new_tenant()
    uploader = await service.person(tenant_id, ANA, HR)
    ids: dict[str, str] = {}

    async def upload(title: str, **fields: object) -> None:
        ids[title] = await uploader.upload(
            f"The {WORD} fares: {title}.", f"{title}.txt", title=title, **fields
        )

    await upload("until 2020", expires_at="2020-01-01T00:00:00Z")
    await upload("from 2020", effective_at="2020-01-01T00:00:00Z")
    await upload("from 2199", effective_at="2199-01-01T00:00:00Z")
    await upload("undated")
    await upload("replaced in 2022")
    await upload(
        "since 2022", effective_at="2022-01-01T00:00:00Z", supersedes=ids["replaced in 2022"]
    )
    await upload("replaced at upload")
    await upload("undated successor", supersedes=ids["replaced at upload"])
    await upload("secretly replaced", principals=[ANA, HR])
    await upload("secret successor", supersedes=ids["secretly replaced"], principals=[HR])
    await upload("secret until 2020", expires_at="2020-01-01T00:00:00Z", principals=[HR])
    stranger_tenant = await service.new_tenant()
    return Fares(
        ana=await service.person(tenant_id, ANA),
        hr=await service.person(tenant_id, HR),
        stranger=await service.person(stranger_tenant, ANA, HR),
        ids=ids,
    )


async def titles(person: Person, **body: object) -> set[str]:
    response = await person.search(WORD, top_k=50, **body)
    assert response.status_code == 200, response.text
    return {hit["document"]["title"] for hit in response.json()["data"]}


NOW = {"from 2020", "undated", "since 2022", "undated successor", "secretly replaced"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (None, NOW),
        # Of two that were uploaded later and say nothing about time, neither counted then. A
        # stated end is believed.
        ("2019-06-01T00:00:00Z", {"until 2020", "replaced in 2022"}),
        ("2019-12-31T23:59:59Z", {"until 2020", "replaced in 2022"}),
        ("2020-01-01T00:00:00Z", {"from 2020", "replaced in 2022"}),
        ("2021-06-01T02:00:00+02:00", {"from 2020", "replaced in 2022"}),
        ("2022-01-01T00:00:00Z", {"from 2020", "since 2022"}),
        ("2198-12-31T00:00:00Z", NOW),
        ("2199-01-01T00:00:00Z", NOW | {"from 2199"}),
    ],
)
async def test_only_what_was_in_force_is_found(
    fares: Fares, mode: str, as_of: str | None, expected: set[str]
) -> None:
    assert await titles(fares.ana, mode=mode, as_of=as_of) == expected


async def test_a_successor_counts_for_those_who_see_it(fares: Fares) -> None:
    assert await titles(fares.hr) == (NOW - {"secretly replaced"}) | {"secret successor"}
    assert await titles(fares.hr, as_of="2019-06-01T00:00:00Z") == {
        "until 2020",
        "replaced in 2022",
        "secret until 2020",
    }


async def test_collections_and_filters_hold_at_any_time(fares: Fares) -> None:
    early = {"as_of": "2019-06-01T00:00:00Z"}

    assert await titles(fares.ana, **early, collections=["elsewhere"]) == set()
    assert await titles(fares.ana, **early, filter={"effective_at": {"$exists": True}}) == set()
    assert await titles(fares.ana, **early, filter={"media_type": "text/plain"}) == {
        "until 2020",
        "replaced in 2022",
    }


async def stale(person: Person, **body: object) -> tuple[int, set[str]]:
    response = await person.search(WORD, top_k=50, explain=True, **body)
    found = response.json()["explanation"]["stale"]
    return found["count"], set(found["document_ids"])


async def test_stale_hits_are_counted_and_named_when_asked(fares: Fares) -> None:
    ids = fares.ids

    assert await stale(fares.ana) == (
        4,
        {ids[title] for title in ("until 2020", "from 2199", "replaced in 2022")}
        | {ids["replaced at upload"]},
    )


async def test_nobody_is_told_of_stale_documents_they_may_not_see(fares: Fares) -> None:
    of_ana, of_hr = (await stale(fares.ana))[1], (await stale(fares.hr))[1]

    assert of_hr - of_ana == {fares.ids["secret until 2020"], fares.ids["secretly replaced"]}
    assert await stale(fares.stranger) == (0, set())


async def test_only_stale_hits_among_the_best_count(fares: Fares) -> None:
    found = await fares.ana.search("ferry fares until 2020", top_k=1, explain=True)

    assert found.json()["explanation"]["stale"] == {
        "count": 1,
        "document_ids": [fares.ids["until 2020"]],
    }
    assert [hit["document"]["title"] for hit in found.json()["data"]] != ["until 2020"]


async def test_a_limited_search_reports_within_its_limits(fares: Fares) -> None:
    assert await stale(fares.ana, collections=["elsewhere"]) == (0, set())
    assert await stale(fares.ana, filter={"effective_at": {"$exists": True}}) == (
        1,
        {fares.ids["from 2199"]},
    )


@pytest.mark.parametrize("principal", [ANA, HR])
async def test_inadmissible_passages_are_those_that_a_search_leaves_out(
    service: Service, fares: Fares, principal: str
) -> None:
    resources = service.resources
    query = SearchQuery(text=WORD, collections=None, filter=None, top_k=50, mode="hybrid")
    viewer = Viewer(principals=(principal, ALL))

    retrieval = await resources.retriever.search(
        fares.ana.tenant_id, viewer, query, now=resources.clock(), admissibility="inadmissible"
    )

    found = {str(passage.document_id) for passage in retrieval.passages}
    assert found == (await stale(fares.ana if principal == ANA else fares.hr))[1]


async def test_a_tenant_without_times_has_nothing_inadmissible(
    service: Service, fares: Fares
) -> None:
    resources = service.resources
    query = SearchQuery(text=WORD, collections=None, filter=None, top_k=50, mode="hybrid")

    retrieval = await resources.retriever.search(
        fares.stranger.tenant_id,
        Viewer(principals=(ANA, HR, ALL)),
        query,
        now=resources.clock(),
        admissibility="inadmissible",
    )

    assert (retrieval.passages, retrieval.inadmissible) == ((), frozenset())


async def test_an_answer_comes_from_what_was_in_force(fares: Fares) -> None:
    for as_of, expected in (("2019-06-01T00:00:00Z", "until 2020"), (None, "from 2020")):
        response = await fares.ana.ask(
            f"What are the ferry fares {expected}?", as_of=as_of, include_retrieved=True, top_k=20
        )

        retrieved = {hit["document"]["title"] for hit in response.json()["retrieved"]}
        assert retrieved == await titles(fares.ana, as_of=as_of)


async def test_a_repeated_search_names_the_stale_documents_that_may_be_seen_today(
    service: Service,
) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    bob = await service.person(ana.tenant_id, "user:bob")
    past = {"expires_at": "2020-01-01T00:00:00Z"}
    hidden, deleted, kept = [
        await ana.upload(f"The {WORD} of {name}.", **past) for name in ("one", "two", "three")
    ]
    sent = ("POST", "/v1/search", {"Idempotency-Key": "stale"})
    body = {"query": WORD, "explain": True}
    first = (await bob.request(*sent, json=body)).json()

    same = (await bob.request(*sent, json=body)).json()
    await ana.request("PATCH", f"/v1/documents/{hidden}", json={"principals": ["user:ana"]})
    await ana.request("DELETE", f"/v1/documents/{deleted}")
    later = (await bob.request(*sent, json=body)).json()

    assert same == first
    assert set(first["explanation"]["stale"]["document_ids"]) == {hidden, deleted, kept}
    assert later["explanation"] == {
        **first["explanation"],
        "stale": {"count": 1, "document_ids": [kept]},
    }
    async with service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        stored = (await scope.connection.execute(select(idempotency_keys.c.response))).scalars()
        assert deleted not in str(list(stored))
