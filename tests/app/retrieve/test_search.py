"""Searches over a small library: filters, collections and time limit every leg alike."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.service import Person, Service

ANA, HR, ALL = "user:ana", "group:hr", "tenant:*"
MODES = ("hybrid", "lexical", "vector")
WORD = "harbour"
"""Stands in every document."""

PAST, FUTURE = "2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Book:
    """A document of the library, its file name telling its media type."""

    filename: str
    text: str
    collection: str = "default"
    language: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    principals: tuple[str, ...] = (ALL,)
    effective_at: str | None = None
    expires_at: str | None = None
    supersedes: str | None = None
    """Title of an earlier document; titles are the file names."""


BOOKS: Sequence[Book] = (
    Book(
        filename="a.md",
        text="The harbour opens at six.",
        language="en",
        metadata={"year": 2024, "team": "port", "tags": ["opening", "times"]},
    ),
    Book(
        filename="b.md",
        text="The harbour has two cranes.",
        # Stated, and false: what an uploader says goes before what would be detected.
        language="nl",
        metadata={"year": 2025, "team": "port", "draft": True},
        collection="machines",
    ),
    Book(
        filename="c.txt",
        text="A harbour needs a pilot.",
        metadata={"year": "2025", "team": "pilots"},
        principals=(ANA,),
    ),
    Book(
        filename="d.html",
        text="<p>The harbour master is away.</p>",
        language="de",
        metadata={"team": None},
        collection="people",
        principals=(ANA, HR),
    ),
    Book(
        filename="e.txt",
        text="Salaries of the harbour.",
        language="nl",
        metadata={"year": 2025, "team": "port"},
        principals=(HR,),
    ),
    Book(filename="f.txt", text="The harbour was closed.", expires_at=PAST),
    Book(
        filename="g.txt",
        text="The harbour will be closed.",
        language="nl",
        effective_at=FUTURE,
    ),
    Book(
        filename="h.txt",
        text="The harbour is open now.",
        effective_at=PAST,
        expires_at=FUTURE,
        metadata={"year": 2026},
    ),
    Book(filename="i.txt", text="Old harbour rules.", metadata={"year": 2019}),
    Book(
        filename="j.txt",
        text="New harbour rules.",
        supersedes="i.txt",
        metadata={"year": 2026, "team": "rules"},
    ),
    Book(filename="k.txt", text="Old harbour fees.", collection="machines"),
    Book(filename="l.txt", text="Secret harbour fees.", supersedes="k.txt", principals=(HR,)),
)

Oracle = Callable[[Book], bool]

IN_FORCE = {"a", "b", "c", "d", "e", "h", "j", "k", "l"}
"""Neither expired, nor in the future, nor superseded by what ana may read."""


def year(book: Book) -> object:
    return book.metadata.get("year")


def team(book: Book) -> object:
    return book.metadata.get("team")


def is_number_from(book: Book, least: int) -> bool:
    value = year(book)
    return isinstance(value, int) and value >= least


LIMITS: Mapping[str, tuple[dict[str, object], Oracle]] = {
    "none": ({}, lambda _: True),
    "one collection": ({"collections": ["machines"]}, lambda b: b.collection == "machines"),
    "two collections": (
        {"collections": ["machines", "people"]},
        lambda b: b.collection in {"machines", "people"},
    ),
    "no such collection": ({"collections": ["boats"]}, lambda _: False),
    "one of them unknown": (
        {"collections": ["boats", "people"]},
        lambda b: b.collection == "people",
    ),
    "value": ({"filter": {"metadata.team": "port"}}, lambda b: team(b) == "port"),
    "number, not text": ({"filter": {"metadata.year": 2025}}, lambda b: year(b) == 2025),
    "text, not number": ({"filter": {"metadata.year": "2025"}}, lambda b: year(b) == "2025"),
    "range": (
        {"filter": {"metadata.year": {"$gte": 2025}}},
        lambda b: is_number_from(b, 2025),
    ),
    "one of": (
        {"filter": {"metadata.team": {"$in": ["port", "rules"]}}},
        lambda b: team(b) in {"port", "rules"},
    ),
    "not equal, nothing included": (
        {"filter": {"metadata.team": {"$ne": "port"}}},
        lambda b: team(b) != "port",
    ),
    "negation": (
        {"filter": {"$not": {"metadata.draft": True}}},
        lambda b: b.metadata.get("draft") is not True,
    ),
    "element of a list": (
        {"filter": {"metadata.tags": "times"}},
        lambda b: "times" in str(b.metadata.get("tags")),
    ),
    "exists, null does not": (
        {"filter": {"metadata.team": {"$exists": True}}},
        lambda b: team(b) is not None,
    ),
    "does not exist": (
        {"filter": {"metadata.year": {"$exists": False}}},
        lambda b: year(b) is None,
    ),
    "collection as a field": (
        {"filter": {"collection": {"$ne": "default"}}},
        lambda b: b.collection != "default",
    ),
    "media type": (
        {"filter": {"media_type": "text/plain"}},
        lambda b: b.filename.endswith(".txt"),
    ),
    "language": (
        {"filter": {"language": {"$in": ["de", "en"]}}},
        lambda b: b.language in {"de", "en"},
    ),
    "time": (
        {"filter": {"effective_at": {"$lt": "2021-01-01"}}},
        lambda b: b.effective_at == PAST,
    ),
    "created lately": ({"filter": {"created_at": {"$gt": "2020-01-01"}}}, lambda _: True),
    "any of": (
        {"filter": {"$or": [{"metadata.year": 2024}, {"collection": "people"}]}},
        lambda b: year(b) == 2024 or b.collection == "people",
    ),
    "collection and filter": (
        {"collections": ["machines", "default"], "filter": {"metadata.year": {"$gt": 2024}}},
        lambda b: b.collection in {"machines", "default"} and is_number_from(b, 2025),
    ),
    "nothing fits": ({"filter": {"metadata.year": -1}}, lambda _: False),
}
"""Limits of a request, and the same said in Python."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """Who reads the books."""

    ana: Person
    hr: Person


@pytest.fixture(scope="module")
async def library(service: Service) -> Library:
    tenant_id = await service.new_tenant()
    uploader = await service.person(tenant_id, ANA, HR)
    ids: dict[str, str] = {}
    for book in BOOKS:
        fields = {
            "title": book.filename,
            "collection": book.collection,
            "language": book.language,
            "metadata": book.metadata,
            "principals": list(book.principals),
            "effective_at": book.effective_at,
            "expires_at": book.expires_at,
            "supersedes": ids[book.supersedes] if book.supersedes else None,
        }
        sent = {name: value for name, value in fields.items() if value is not None}
        ids[book.filename] = await uploader.upload(book.text, book.filename, **sent)
    return Library(ana=await service.person(tenant_id, ANA), hr=await service.person(tenant_id, HR))


def expected(reader: str, oracle: Oracle) -> set[str]:
    """Titles of the books that the reader finds."""
    # For HR there is a successor of k.
    in_force = IN_FORCE - {"k"} if reader == HR else IN_FORCE
    return {
        book.filename
        for book in BOOKS
        if {reader, ALL} & set(book.principals)
        and book.filename.partition(".")[0] in in_force
        and oracle(book)
    }


async def titles(person: Person, **body: object) -> list[str]:
    response = await person.search(WORD, top_k=100, **body)
    assert response.status_code == 200, response.text
    return [hit["document"]["title"] for hit in response.json()["data"]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LIMITS)
async def test_every_mode_finds_what_the_limits_let_through(
    library: Library, name: str, mode: str
) -> None:
    body, oracle = LIMITS[name]

    for reader, person in ((ANA, library.ana), (HR, library.hr)):
        found = await titles(person, mode=mode, **body)

        assert len(found) == len(set(found))
        assert set(found) == expected(reader, oracle)


@pytest.mark.parametrize("name", LIMITS)
async def test_the_explanation_counts_what_the_limits_let_through(
    library: Library, name: str
) -> None:
    body, oracle = LIMITS[name]

    found = (await library.ana.search(WORD, top_k=1, explain=True, **body)).json()

    count = len(expected(ANA, oracle))
    assert found["explanation"]["candidates"] == {"lexical": count, "vector": count}
    assert found["explanation"]["vector_plan"] == "shortlist"
    assert len(found["data"]) == min(1, count)


async def test_a_list_knows_the_same_filters(library: Library) -> None:
    for body, oracle in LIMITS.values():
        if set(body) != {"filter"}:
            continue
        response = await library.ana.request(
            "GET", "/v1/documents", params={"filter": json.dumps(body["filter"]), "limit": 200}
        )

        # A list shows what is not in force, too.
        assert {document["title"] for document in response.json()["data"]} == {
            book.filename for book in BOOKS if {ANA, ALL} & set(book.principals) and oracle(book)
        }


async def test_fused_scores_come_in_order_and_from_0_to_1(library: Library) -> None:
    hits = (await library.ana.search("harbour pilot", top_k=100)).json()["data"]

    fused = [hit["scores"]["fused"] for hit in hits]
    assert fused == sorted(fused, reverse=True)
    assert 0 <= fused[-1] < fused[0] <= 1
    assert all(hit["scores"]["rerank"] is None for hit in hits)


async def test_what_says_the_words_in_their_order_goes_first(library: Library) -> None:
    first, second, *_ = (await library.ana.search("the harbour master", top_k=100)).json()["data"]

    assert first["text"] == "The harbour master is away."
    assert second["scores"]["fused"] < first["scores"]["fused"] <= 1


@pytest.mark.parametrize(
    ("mode", "own", "other"), [("lexical", "bm25", "cosine"), ("vector", "cosine", "bm25")]
)
async def test_a_single_leg_shows_its_own_scores(
    library: Library, mode: str, own: str, other: str
) -> None:
    hits = (await library.ana.search("harbour pilot", mode=mode, top_k=100)).json()["data"]

    assert [hit["ranks"][mode] for hit in hits] == list(range(1, len(hits) + 1))
    for hit in hits:
        assert hit["scores"]["fused"] == hit["scores"][own]
        assert hit["scores"][other] is None


async def test_legs_agree_with_the_hybrid_search(library: Library) -> None:
    query = "harbour pilot"
    hybrid = (await library.ana.search(query, top_k=100)).json()["data"]

    for mode, score in (("lexical", "bm25"), ("vector", "cosine")):
        leg = (await library.ana.search(query, mode=mode, top_k=100)).json()["data"]
        by_chunk = {hit["chunk_id"]: hit for hit in leg}
        for hit in hybrid:
            alone = by_chunk.get(hit["chunk_id"])
            assert hit["scores"][score] == (alone and alone["scores"][score])
            assert hit["ranks"][mode] == (alone and alone["ranks"][mode])


async def test_a_word_that_stands_nowhere_leaves_the_vectors(library: Library) -> None:
    found = (await library.ana.search("zyzzyva", top_k=100, explain=True)).json()

    assert found["explanation"]["candidates"]["lexical"] == 0
    assert {hit["document"]["title"] for hit in found["data"]} == expected(ANA, lambda _: True)
    assert (await library.ana.search("zyzzyva", mode="lexical")).json()["data"] == []


async def test_the_best_come_first_and_no_more_than_were_asked_for(library: Library) -> None:
    everything = await titles(library.ana)

    for top_k in (1, 3, len(everything)):
        hits = (await library.ana.search(WORD, top_k=top_k)).json()["data"]
        assert [hit["document"]["title"] for hit in hits] == everything[:top_k]


async def test_a_passage_is_its_place_in_the_version(library: Library) -> None:
    hits = (await library.ana.search(WORD, top_k=100)).json()["data"]

    for hit in hits:
        path = f"/v1/documents/{hit['document']['id']}/content"
        version = {"version": hit["document"]["version"]}
        content = (await library.ana.request("GET", path, params=version)).text
        location = hit["location"]
        assert hit["text"] == content[location["char_start"] : location["char_end"]]


async def test_the_same_search_twice_gives_the_same(library: Library) -> None:
    first, second = [
        (await library.ana.search("harbour rules", top_k=100, explain=True)).json()
        for _ in range(2)
    ]

    for response in (first, second):
        assert response.pop("timings_ms").keys() == {"embed", "lexical", "vector", "fetch", "total"}
        assert response.pop("request_id")
    assert first == second


@pytest.mark.parametrize("mode", MODES)
async def test_an_empty_tenant_finds_nothing(service: Service, mode: str) -> None:
    nobody = await service.person(await service.new_tenant(), ANA)

    found = (await nobody.search(WORD, mode=mode)).json()

    assert (found["data"], found["generation"]) == ([], 0)
