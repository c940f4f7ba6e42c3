"""A newer upload that is not served leaves what is served alone, and is told apart."""

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus

import pytest

from tests.ingest.files.builders import encrypted_pdf_file
from tests.service import Person, Service

OLD, NEW = "The harbour closes at 8.", "The harbour closes at 9."
SERVED = ("media_type", "size_bytes", "content_sha256", "filename", "title", "version")
FAILING = encrypted_pdf_file("secret")
SHA256 = hashlib.sha256(FAILING).hexdigest()
WARNING = "newer_upload_failed: document_encrypted"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def read(person: Person, path: str) -> dict[str, object]:
    response = await person.request("GET", path)
    assert response.status_code == HTTPStatus.OK, response.text
    return dict(response.json())


def served(document: Mapping[str, object]) -> list[object]:
    return [document[name] for name in SERVED]


async def failing_upload(person: Person) -> str:
    """The id of a job that has failed to read a newer version."""
    sent = await person.post_file(FAILING, "locked.pdf", external_id="harbour")
    await person.service.run_job(person.tenant_id, sent.json()["job"]["id"])
    return str(sent.json()["job"]["id"])


async def test_a_failed_upload_leaves_what_is_served_untouched(ana: Person) -> None:
    document_id = await ana.upload(OLD, "harbour.md", external_id="harbour")
    path = f"/v1/documents/{document_id}"
    before, versions = await read(ana, path), await read(ana, f"{path}/versions")

    await failing_upload(ana)

    after = await read(ana, path)
    assert served(after) == served(before)
    assert after["warnings"] == [*before["warnings"], WARNING]  # type: ignore[misc]  # a list
    pending = after["pending_upload"]
    assert isinstance(pending, dict)
    assert {**pending, "created_at": ""} == {
        "status": "failed",
        "error": after["error"],
        "content_sha256": SHA256,
        "created_at": "",
    }
    assert pending["error"]["code"] == "document_encrypted"
    assert (await ana.request("GET", f"{path}/content?original=true")).text == OLD
    assert await read(ana, f"{path}/versions") == versions
    listed = (await read(ana, "/v1/documents"))["data"]
    assert listed == [after]
    [hit] = (await ana.search("harbour")).json()["data"]
    assert (hit["text"], hit["document"]["filename"]) == (OLD, "harbour.md")


async def test_a_change_of_fields_leaves_the_failed_upload_as_it_is(ana: Person) -> None:
    document_id = await ana.upload(OLD, external_id="harbour")
    await failing_upload(ana)
    before = await read(ana, f"/v1/documents/{document_id}")

    patched = await ana.request(
        "PATCH", f"/v1/documents/{document_id}", json={"title": "Harbour", "metadata": {"a": 1}}
    )

    after = patched.json()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"title", "metadata", "updated_at"}
    assert after == await read(ana, f"/v1/documents/{document_id}")


async def test_a_batch_tells_the_failed_upload_apart_too(ana: Person) -> None:
    document_id = await ana.upload(OLD, external_id="harbour")
    before = await read(ana, f"/v1/documents/{document_id}")
    form = {"files": ("locked.pdf", FAILING)}
    items = json.dumps([{"external_id": "harbour"}])
    sent = await ana.request("POST", "/v1/documents:batch", files=form, data={"items": items})
    [result] = sent.json()["data"]

    await ana.service.run_job(ana.tenant_id, result["job"]["id"])

    assert served(result["document"]) == served(before)
    assert result["document"]["pending_upload"]["status"] == "pending"
    after = await read(ana, f"/v1/documents/{document_id}")
    assert served(after) == served(before)
    assert after["warnings"] == [WARNING]


async def test_a_retry_makes_it_wait_again_and_a_newer_success_ends_it(ana: Person) -> None:
    document_id = await ana.upload(OLD, "old.md", external_id="harbour")
    path = f"/v1/documents/{document_id}"
    job_id = await failing_upload(ana)

    await ana.request("POST", f"/v1/jobs/{job_id}:retry")
    waiting = await read(ana, path)
    await ana.service.run_job(ana.tenant_id, job_id)
    failed = await read(ana, path)
    await ana.upload(NEW, "new.md", external_id="harbour")
    done = await read(ana, path)

    assert isinstance(waiting["pending_upload"], dict)
    assert isinstance(failed["pending_upload"], dict)
    states = [(waiting["pending_upload"]["status"], waiting["warnings"])]
    states += [(failed["pending_upload"]["status"], failed["warnings"])]
    assert states == [("pending", []), ("failed", [WARNING])]
    assert waiting["pending_upload"]["content_sha256"] == SHA256
    assert (done["pending_upload"], done["warnings"], done["error"]) == (None, [], None)
    assert (done["filename"], done["status"], done["version"]) == ("new.md", "ready", 3)
    assert done["content_sha256"] == hashlib.sha256(NEW.encode()).hexdigest()


async def test_the_served_bytes_sent_again_end_it_too(ana: Person) -> None:
    document_id = await ana.upload(OLD, external_id="harbour")
    await failing_upload(ana)

    await ana.upload(OLD, external_id="harbour")

    document = await read(ana, f"/v1/documents/{document_id}")
    assert (document["pending_upload"], document["warnings"]) == (None, [])


async def test_others_are_told_nothing_of_it(service: Service, ana: Person) -> None:
    bob = await service.person(ana.tenant_id, "user:bob", scopes=("documents:read",))
    document_id = await ana.upload(OLD, external_id="harbour")
    before = await read(bob, f"/v1/documents/{document_id}")

    await failing_upload(ana)

    after = await read(bob, f"/v1/documents/{document_id}")
    assert {name for name in before if before[name] != after[name]} == {"updated_at"}


async def test_a_deletion_says_which_bytes_were_served(ana: Person) -> None:
    document_id = await ana.upload(OLD, external_id="harbour")
    await failing_upload(ana)

    deleted = await ana.request("DELETE", f"/v1/documents/{document_id}")

    receipt = deleted.json()["receipt"]
    assert receipt["content_sha256"] == hashlib.sha256(OLD.encode()).hexdigest()
    assert (receipt["versions"], receipt["files"]) == (1, 2)


async def test_a_first_upload_that_fails_is_the_document_itself(ana: Person) -> None:
    await failing_upload(ana)

    [document] = (await ana.request("GET", "/v1/documents")).json()["data"]
    assert (document["status"], document["pending_upload"]) == ("failed", None)
    assert (document["error"]["code"], document["warnings"]) == ("document_encrypted", [])
    assert (document["filename"], document["content_sha256"]) == ("locked.pdf", SHA256)
