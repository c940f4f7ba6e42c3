"""Unique words of what one may not see never come out: not in bodies, headers, logs, metrics."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO

import httpx
import pytest

from kb.logs import configure_logging
from tests.service import Person, Service
from tests.tenancy.names import Names, fresh_names
from tests.tenancy.route_cases import OPERATION, PROBES
from tests.tenancy.test_routes import COLLEAGUES, INTRUDERS
from tests.tenancy.world import ANA, HR, QUERY, World, upload_secret

BROAD_FILTERS: list[dict[str, object]] = [
    {"metadata.secret": {"$exists": True}},
    {"metadata.secret": {"$ne": "x"}},
    {"$not": {"metadata.secret": "x"}},
    {"language": "eo"},
    {"collection": {"$ne": "default"}},
]
BROAD_SEARCHES: list[dict[str, object]] = [
    {"mode": "hybrid"},
    {"mode": "lexical"},
    {"mode": "vector"},
    *[dict[str, object](filter=broad) for broad in BROAD_FILTERS],
]
"""All that find the secret for those who may read it."""

QUESTIONS = ("When is the bonus of the travel desk paid?", "What is secret?")


@pytest.fixture
def logs() -> StringIO:
    """What is logged during the test, at the level that says most."""
    return StringIO()


@pytest.fixture(autouse=True)
def _logging_everything(logs: StringIO) -> Iterator[None]:
    configure_logging("debug", stream=logs)
    yield
    configure_logging("error")


def traces(names: Names, *texts: str) -> set[str]:
    """The words and ids of `names` that stand in the texts, in whatever case."""
    folded = "\n".join(texts).casefold()
    sought = [*names.words, names.document, names.job, names.answer]
    return {word for word in sought if word.casefold() in folded}


def whole(response: httpx.Response) -> str:
    """All of a response."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.multi_items())
    return f"{headers}\n\n{response.text}"


async def operation_pages(person: Person) -> list[str]:
    """What anybody sees without a key."""
    return [
        whole(await person.service.http.request(method, path)) for method, path in sorted(OPERATION)
    ]


async def everything_shown_to(
    person: Person, hidden: Names, *, is_admin_of_the_tenant: bool = False
) -> list[str]:
    """The responses to all the routes' probes by ids, and to broad questions.

    Who manages the tenant is shown its sources: of these routes nothing is asked then.

    The caller does not know the hidden words, or they would come back as its own.
    """
    probes = [
        (case, probe)
        for _, case, probe in PROBES
        if not (is_admin_of_the_tenant and case.is_for_admins)
    ]
    named = replace(fresh_names(), document=hidden.document, job=hidden.job, answer=hidden.answer)
    responses = [await probe.send(person, named) for case, probe in probes if not case.is_changing]
    responses += [
        await person.search(QUERY, top_k=100, explain=True, **limit) for limit in BROAD_SEARCHES
    ]
    responses += [await person.ask(question, include_retrieved=True) for question in QUESTIONS]
    responses += [
        await person.request("GET", "/v1/documents", params={"filter": json.dumps(broad)})
        for broad in BROAD_FILTERS
    ]
    # Last, for the sake of those who may change it.
    responses += [await probe.send(person, named) for case, probe in probes if case.is_changing]
    return [whole(response) for response in responses]


@pytest.fixture
async def reader(service: Service) -> Person:
    """Somebody of HR in a tenant of the test's own."""
    return await service.person(await service.new_tenant(), HR)


def test_what_is_looked_for_would_be_found(world: World) -> None:
    secret = world.secret

    assert traces(secret, f"the {secret.word.upper()} bonus") == {secret.word}
    assert len(traces(secret, repr(secret))) == 12


async def test_those_who_may_see_them_see_all_the_words(reader: Person) -> None:
    secret = await upload_secret(reader)

    texts = await everything_shown_to(reader, secret)

    assert traces(secret, *texts) == traces(secret, repr(secret))


@pytest.mark.parametrize(
    "intruder",
    ["colleague", "gateway for a colleague", "other tenant", "gateway of the other tenant"],
)
async def test_no_word_comes_out(world: World, logs: StringIO, intruder: str) -> None:
    make_person, _ = INTRUDERS[intruder]

    texts = await everything_shown_to(
        await make_person(world), world.secret, is_admin_of_the_tenant=intruder in COLLEAGUES
    )

    operation = await operation_pages(world.hr)
    assert "request.handled" in logs.getvalue()
    assert traces(world.secret, *texts, *operation, logs.getvalue()) == set()


async def test_building_the_world_logs_no_word(world: World, building_logs: StringIO) -> None:
    logged = building_logs.getvalue()

    assert "request.handled" in logged
    assert "index.catch_up" in logged
    assert [word for word in world.secret.words if word in logged] == []


async def test_those_who_may_see_them_leave_no_word_in_logs_and_metrics(
    reader: Person, logs: StringIO
) -> None:
    secret = await upload_secret(reader)

    await reader.search(secret.word)
    await everything_shown_to(reader, secret)

    public = "\n".join([logs.getvalue(), *await operation_pages(reader)])
    assert "index.catch_up" in public
    assert [word for word in secret.words if word in public] == []


UNREADABLE: Mapping[str, bytes] = {
    "pdf": b"%PDF-1.7\n",
    "docx": b"PK\x03\x04[Content_Types].xml word/document.xml ",
    "html": b"<html><body><!-- ",
    "exe": b"MZ\x90\x00",
    "bin": b"\x00\x01\x02",
}
"""What makes a text unreadable when it stands before it, by the extension of the file's name."""


async def failing_upload(hr: Person, extension: str) -> Names:
    """The names of a document that cannot be read; asserts that it cannot."""
    names = replace(fresh_names(), filename=f"{secrets.token_hex(8)}.{extension}")
    response = await hr.post_file(
        UNREADABLE[extension] + names.text.encode(),
        names.filename,
        external_id=names.external_id,
        collection=names.collection,
        title=names.title,
        source_uri=names.source_uri,
        metadata={"secret": names.metadata},
        principals=[HR, names.principal],
    )
    if response.status_code == 202:
        job_id = response.json()["job"]["id"]
        await hr.service.run_job(hr.tenant_id, job_id)
        job = (await hr.request("GET", f"/v1/jobs/{job_id}")).json()
        assert job["status"] == "failed", extension
        return replace(names, document=response.json()["document"]["id"], job=job_id)
    assert response.status_code in {415, 422}, extension
    return names


async def test_an_upload_that_fails_says_no_word_to_others(
    world: World, reader: Person, logs: StringIO
) -> None:
    colleague = await reader.service.person(reader.tenant_id, ANA)

    failed = [await failing_upload(reader, extension) for extension in UNREADABLE]

    texts = [
        text
        for person in (colleague, await world.two.everybody())
        for text in await everything_shown_to(person, failed[0])
    ]
    public = [*texts, *await operation_pages(reader)]
    assert [traces(names, *public) for names in failed] == [set()] * len(failed)
    assert [word for names in failed for word in names.words if word in logs.getvalue()] == []
