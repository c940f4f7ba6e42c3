"""Whose a document is: readers read, who uploaded what is served manages, the rest sees nothing.

Everybody else sees of a document only the states and errors of their own uploads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx
import pytest

from tests.ingest.files.builders import encrypted_pdf_file
from tests.service import Person, Service

OLD, NEW = "# Leave\n\nEveryone has 31 days.", "# Leave\n\nNobody has the lantern days."
WRITER = ("documents:write", "documents:read", "search", "answers")
"""The scopes of an ordinary key: `admin` is not among them."""

CARL_ONLY: Mapping[str, object] = {"external_id": "leave", "principals": ["user:carl"]}


@dataclass(frozen=True, kw_only=True)
class Company:
    """Ana, an administrator who may change what ana uploaded, and carl, for whom it is meant."""

    ana: Person
    boss: Person
    carl: Person


@pytest.fixture
async def company(service: Service) -> Company:
    tenant_id = await service.new_tenant()
    return Company(
        ana=await service.person(tenant_id, "user:ana", scopes=WRITER),
        boss=await service.person(tenant_id, "user:boss", scopes=(*WRITER, "admin")),
        carl=await service.person(tenant_id, "user:carl", scopes=WRITER),
    )


def paths_of(document_id: str) -> list[str]:
    one = f"/v1/documents/{document_id}"
    parts = ("", "/versions", "/content", "/content?version=1", "/content?version=2")
    return [f"{one}{part}" for part in (*parts, "/content?original=true", "/chunks")]


async def shown(person: Person, document_id: str) -> dict[str, object]:
    response = await person.request("GET", f"/v1/documents/{document_id}")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def status_of(person: Person, path: str) -> int:
    return (await person.request("GET", path)).status_code


async def read(person: Person, body: dict[str, dict[str, str]]) -> None:
    await person.service.run_job(person.tenant_id, body["job"]["id"])


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


NOT_FOUND = (HTTPStatus.NOT_FOUND, "document_not_found")
OF_ANOTHER = (HTTPStatus.CONFLICT, "document_of_another")


async def test_who_was_replaced_and_is_no_reader_sees_and_changes_nothing(company: Company) -> None:
    ana, boss = company.ana, company.boss
    document_id = await ana.upload(OLD, external_id="leave")

    assert await boss.upload(NEW, "new.md", **CARL_ONLY) == document_id

    for path in paths_of(document_id):
        assert refusal(await ana.request("GET", path)) == NOT_FOUND, path
    mine = {"principals": ["user:ana"]}
    patched = await ana.request("PATCH", f"/v1/documents/{document_id}", json=mine)
    assert refusal(patched) == NOT_FOUND
    assert refusal(await ana.request("DELETE", f"/v1/documents/{document_id}")) == NOT_FOUND
    for listing in ("", "?external_id=leave", "?status=ready"):
        assert (await ana.request("GET", f"/v1/documents{listing}")).json()["data"] == []
    for mode in ("hybrid", "lexical", "vector"):
        assert (await ana.search("lantern days", mode=mode)).json()["data"] == []
    assert "lantern" not in (await ana.ask("Who has lantern days?")).text
    assert (await shown(boss, document_id))["principals"] == ["user:carl"]


async def test_who_was_replaced_starts_a_document_of_its_own(company: Company) -> None:
    document_id = await company.ana.upload(OLD, external_id="leave")
    await company.boss.upload(NEW, "new.md", **CARL_ONLY)

    again = await company.ana.post_file(OLD, external_id="leave", mode="create")

    assert again.status_code == HTTPStatus.ACCEPTED
    assert again.json()["document"]["id"] != document_id


async def test_who_was_replaced_still_follows_its_own_upload_and_no_other(company: Company) -> None:
    first = (await company.ana.post_file(OLD, external_id="leave")).json()
    await read(company.ana, first)
    second = (await company.boss.post_file(NEW, "new.md", **CARL_ONLY)).json()
    await read(company.boss, second)

    own = await company.ana.request("GET", f"/v1/jobs/{first['job']['id']}")
    other = await company.ana.request("GET", f"/v1/jobs/{second['job']['id']}")

    assert (own.status_code, own.json()["status"]) == (200, "succeeded")
    assert refusal(other) == (404, "job_not_found")


async def test_who_replaced_it_owns_it_though_it_named_other_readers(company: Company) -> None:
    document_id = await company.ana.upload(OLD, external_id="leave")
    await company.boss.upload(NEW, "new.md", **CARL_ONLY)
    boss, path = company.boss, f"/v1/documents/{document_id}"

    assert [await status_of(boss, each) for each in paths_of(document_id)] == [200] * 7
    assert (await company.carl.request("GET", f"{path}/content")).text.endswith("lantern days.")
    assert (await boss.search("lantern")).json()["data"] == []
    assert (await boss.request("PATCH", path, json={"title": "Rules"})).status_code == 200
    assert (await boss.request("DELETE", path)).status_code == 200


@pytest.mark.parametrize("is_failing", [False, True], ids=["pending", "failed"])
async def test_a_newer_upload_that_is_not_served_leaves_the_owner(
    company: Company, *, is_failing: bool
) -> None:
    ana = company.ana
    document_id = await ana.upload(OLD, external_id="leave")
    before = await shown(ana, document_id)
    newer = await company.boss.post_file(
        encrypted_pdf_file("secret") if is_failing else NEW, "new.pdf" if is_failing else "new.md",
        **CARL_ONLY,
    )  # fmt: skip
    if is_failing:
        await read(company.boss, newer.json())

    after = await shown(ana, document_id)

    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"principals", "updated_at"}
    assert (after["status"], after["error"], after["pending_upload"]) == ("ready", None, None)
    for listed in (
        await ana.request("GET", "/v1/documents?status=ready"),
        await ana.request("GET", '/v1/documents?filter={"media_type": "text/markdown"}'),
    ):
        assert [document["id"] for document in listed.json()["data"]] == [document_id]
    for status in ("pending", "processing", "failed", "ready_with_warnings"):
        listed = await ana.request("GET", f"/v1/documents?status={status}")
        assert listed.json()["data"] == []
    path = f"/v1/documents/{document_id}"
    assert (await ana.request("GET", f"{path}/content?original=true")).text == OLD
    assert await status_of(ana, f"/v1/jobs/{newer.json()['job']['id']}") == 404
    mine = await ana.request("PATCH", path, json={"principals": ["user:ana"]})
    if not is_failing:
        # Else the text that waits would be published with these readers.
        assert (mine.status_code, mine.json()["code"]) == (409, "document_of_another")
        assert (await ana.request("DELETE", path)).status_code == HTTPStatus.CONFLICT
        again = await ana.post_file(OLD, external_id="leave")
        assert again.status_code == HTTPStatus.CONFLICT
        return
    assert (mine.status_code, mine.json()["content_sha256"]) == (200, before["content_sha256"])
    receipt = (await ana.request("DELETE", path)).json()["receipt"]
    assert {name: receipt[name] for name in ("versions", "jobs", "files", "content_sha256")} == {
        "versions": 1,
        "jobs": 1,
        "files": 1,
        "content_sha256": before["content_sha256"],
    }


async def test_the_uploader_is_told_how_its_newer_upload_goes(company: Company) -> None:
    ana = company.ana
    document_id = await ana.upload(OLD, external_id="leave")
    served = await shown(ana, document_id)
    assert served["pending_upload"] is None

    waiting = (await ana.post_file(encrypted_pdf_file("x"), "x.pdf", external_id="leave")).json()
    before = await shown(ana, document_id)
    await read(ana, waiting)
    after = await shown(ana, document_id)

    assert waiting["document"] == before
    assert (before["status"], before["error"]) == ("pending", None)
    assert after["status"] == "ready_with_warnings"
    assert "document_encrypted" in str(after["error"])
    for document, status in ((before, "pending"), (after, "failed")):
        assert {
            name: document[name] for name in ("media_type", "size_bytes", "content_sha256")
        } == {name: served[name] for name in ("media_type", "size_bytes", "content_sha256")}
        pending = document["pending_upload"]
        assert isinstance(pending, dict)
        assert (pending["status"], pending["error"]) == (status, document["error"])
        assert pending["content_sha256"] != served["content_sha256"]
    listed = (await ana.request("GET", "/v1/documents?status=ready_with_warnings")).json()["data"]
    assert listed == [after]
    await ana.upload(NEW, external_id="leave")
    assert (await shown(ana, document_id))["pending_upload"] is None


async def test_a_reader_sees_of_the_first_upload_how_it_goes(company: Company) -> None:
    first = (await company.ana.post_file(encrypted_pdf_file("x"), "x.pdf")).json()
    await read(company.ana, first)

    document = await shown(company.carl, first["document"]["id"])

    assert (document["status"], document["version"]) == ("failed", 0)
    assert document["error"] == (await shown(company.ana, first["document"]["id"]))["error"]
    assert await status_of(company.carl, f"/v1/jobs/{first['job']['id']}") == 200


async def test_until_something_is_served_the_first_uploader_owns(company: Company) -> None:
    first = (await company.ana.post_file(OLD, external_id="leave")).json()
    second = (await company.boss.post_file(NEW, "new.md", **CARL_ONLY)).json()
    document_id = first["document"]["id"]

    before = await shown(company.ana, document_id)
    pending_is_hidden = await company.boss.request("GET", f"/v1/documents/{document_id}")
    followed = await status_of(company.boss, f"/v1/jobs/{second['job']['id']}")
    await read(company.boss, second)

    assert second["document"]["id"] == document_id
    assert before["content_sha256"] == first["document"]["content_sha256"]
    assert second["document"]["content_sha256"] != before["content_sha256"]
    assert (refusal(pending_is_hidden), followed) == (NOT_FOUND, 200)
    assert await status_of(company.ana, f"/v1/documents/{document_id}") == 404
    assert await status_of(company.boss, f"/v1/documents/{document_id}") == 200


async def test_an_upload_that_left_its_uploader_out_is_not_doubled_while_it_waits(
    company: Company,
) -> None:
    document_id = await company.ana.upload(OLD, external_id="leave")
    first = (await company.boss.post_file(NEW, "new.md", **CARL_ONLY)).json()

    same = (await company.boss.post_file(NEW, "new.md", **CARL_ONLY)).json()
    other = (await company.boss.post_file(f"{NEW} Or has he?", "new.md", **CARL_ONLY)).json()

    assert [each["document"]["id"] for each in (first, same, other)] == [document_id] * 3
    assert same["job"]["id"] == first["job"]["id"] != other["job"]["id"]


async def test_bytes_that_somebody_else_has_waiting_are_refused_like_any_others(
    company: Company,
) -> None:
    await company.ana.upload(OLD, external_id="leave")
    await company.boss.post_file(NEW, external_id="leave")

    same = await company.ana.post_file(NEW, external_id="leave")
    other = await company.ana.post_file("# Anything else", external_id="leave")

    assert same.status_code == other.status_code == HTTPStatus.CONFLICT
    assert {**same.json(), "request_id": None} == {**other.json(), "request_id": None}


async def test_an_upload_that_failed_passes_nothing(company: Company, service: Service) -> None:
    document_id = await company.ana.upload(OLD, external_id="leave")
    failing = await company.boss.post_file(
        encrypted_pdf_file("secret"), "new.pdf", external_id="leave"
    )
    await read(company.boss, failing.json())
    plain = await service.person(company.boss.tenant_id, "user:boss", scopes=WRITER)

    refused = await plain.request("DELETE", f"/v1/documents/{document_id}")

    assert refusal(refused) == OF_ANOTHER


async def test_an_old_version_stays_readable_to_readers_and_the_owner_only(
    company: Company,
) -> None:
    document_id = await company.ana.upload(OLD, external_id="leave")
    await company.boss.upload(NEW, "new.md", **CARL_ONLY)
    path = f"/v1/documents/{document_id}/content?version=1"

    assert (await company.carl.request("GET", path)).text == OLD.replace("# ", "")
    assert await status_of(company.boss, path) == 200
    assert await status_of(company.ana, path) == 404


async def test_another_tenant_sees_nothing_of_it(company: Company, service: Service) -> None:
    stranger = await service.person(await service.new_tenant(), "user:ana", "user:boss")
    document_id = await company.ana.upload(OLD, external_id="leave")
    pending = (await company.boss.post_file(NEW, "new.md", **CARL_ONLY)).json()

    for path in (*paths_of(document_id), f"/v1/jobs/{pending['job']['id']}"):
        assert await status_of(stranger, path) == 404
