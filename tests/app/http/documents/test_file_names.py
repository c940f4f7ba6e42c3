"""The name of an uploaded file is kept, and shown wherever the document is."""

import json
from urllib.parse import unquote

import pytest

from tests.service import Person, Service

TEXT = "Everyone has 31 days of annual leave."
QUESTION = "How many days of annual leave does everyone have?"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def test_document_hit_and_citation_say_which_file_it_was(ana: Person) -> None:
    document_id = await ana.upload(TEXT, "/home/ana/annual leave.txt")

    shown = (await ana.request("GET", f"/v1/documents/{document_id}")).json()
    [listed] = (await ana.request("GET", "/v1/documents")).json()["data"]
    [hit] = (await ana.search("annual leave")).json()["data"]
    answer = (await ana.ask(QUESTION, include_retrieved=True)).json()

    places = [shown, listed, hit["document"], *answer["citations"]]
    places += [each["document"] for each in answer["retrieved"]]
    assert len(places) == 5
    # Nothing in the text is a title, and nobody gave one.
    assert {(each["filename"], each["title"]) for each in places} == {
        ("annual leave.txt", "annual leave.txt")
    }
    record = (await ana.request("GET", f"/v1/answers/{answer['id']}")).json()
    assert record == answer


async def test_a_title_comes_before_the_file_name(ana: Person) -> None:
    given = await ana.upload(TEXT, "a.txt", title="Leave")
    found = await ana.upload(f"# Annual leave\n\n{TEXT}", "b.md")

    titles = {
        document["id"]: (document["title"], document["filename"])
        for document in (await ana.request("GET", "/v1/documents")).json()["data"]
    }

    assert titles == {given: ("Leave", "a.txt"), found: ("Annual leave", "b.md")}


async def test_a_text_has_no_file_name(ana: Person) -> None:
    response = await ana.request("POST", "/v1/documents", json={"text": TEXT})

    document = response.json()["document"]
    assert (document["filename"], document["title"]) == (None, None)


async def test_each_file_of_a_batch_has_its_own_name(ana: Person) -> None:
    files = [("files", ("a/b.txt", b"One note.")), ("files", ("../c.md", b"Another."))]
    items = json.dumps([{}, {"title": "C"}])

    sent = await ana.request("POST", "/v1/documents:batch", files=files, data={"items": items})

    documents = [each["document"] for each in sent.json()["data"]]
    assert [(each["filename"], each["title"]) for each in documents] == [
        ("b.txt", "b.txt"),
        ("c.md", "C"),
    ]


async def test_the_same_bytes_under_a_new_name_are_renamed_and_not_read_again(ana: Person) -> None:
    document_id = await ana.upload(TEXT, "draft.txt", external_id="leave")
    generation = (await ana.search("annual leave")).json()["generation"]

    renamed = await ana.post_file(TEXT, "final.txt", external_id="leave")

    assert (renamed.status_code, renamed.json()["job"]) == (200, None)
    assert renamed.json()["document"]["filename"] == "final.txt"
    found = (await ana.search("annual leave")).json()
    assert found["data"][0]["document"]["filename"] == "final.txt"
    assert found["generation"] > generation
    again = await ana.post_file(TEXT, "final.txt", external_id="leave")
    assert again.json()["document"] == renamed.json()["document"]
    versions = (await ana.request("GET", f"/v1/documents/{document_id}/versions")).json()["data"]
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("note.md", "note.md"),
        # Clients write a quote as %22 (HTML, multipart/form-data).
        ('a"; x="b.md', "a%22; x=%22b.md"),
        ("Übersicht 報告.md", "Übersicht 報告.md"),
        ("../../etc/note.md", "note.md"),
        ("no\u202edm.md", "nodm.md"),
    ],
    ids=["plain", "quote", "letters", "folders", "bidi"],
)
async def test_the_bytes_are_saved_under_their_name(ana: Person, name: str, saved: str) -> None:
    document_id = await ana.upload(TEXT, name)

    response = await ana.request("GET", f"/v1/documents/{document_id}/content?original=true")

    header = response.headers["content-disposition"]
    kind, _, parameter = header.partition("; ")
    assert kind == "attachment"
    form, _, value = parameter.partition("=")
    if form == "filename":
        assert value == f'"{saved}"'
    else:
        assert (form, unquote(value.removeprefix("UTF-8''"))) == ("filename*", saved)


async def test_a_name_that_no_file_system_takes_is_kept_and_not_saved_under(ana: Person) -> None:
    headers = []
    for length in (255, 256):
        name = "\N{GRINNING FACE}" * (length - 4) + ".txt"
        path = f"/v1/documents/{await ana.upload(f'{TEXT} {length}', name)}"
        assert (await ana.request("GET", path)).json()["filename"] == name
        response = await ana.request("GET", f"{path}/content?original=true")
        headers.append(response.headers["content-disposition"])

    assert headers[0].startswith("attachment; filename*=UTF-8''%F0%9F%98%80")
    assert headers[1] == "attachment"


async def test_the_name_is_that_of_the_served_version(ana: Person) -> None:
    document_id = await ana.upload(TEXT, "old.txt", external_id="leave")
    await ana.upload(TEXT.replace("31", "33"), "new.txt", external_id="leave")
    path = f"/v1/documents/{document_id}/content?original=true"

    names = [
        (await ana.request("GET", f"{path}{version}")).headers["content-disposition"]
        for version in ("", "&version=2", "&version=1")
    ]

    assert names == ['attachment; filename="new.txt"'] * 2 + ["attachment"]


async def test_a_name_of_thousands_of_letters_is_refused(ana: Person) -> None:
    long = await ana.post_file(TEXT, f"{'a' * 2_000}.txt")
    # The header of a part has a bound of its own.
    longer = await ana.post_file(TEXT, f"{'a' * 10_000}.txt")

    assert (long.status_code, long.json()["code"]) == (422, "invalid_request")
    assert "1000 characters" in long.json()["detail"]
    assert (longer.status_code, longer.json()["code"]) == (400, "bad_request")
