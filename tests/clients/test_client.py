"""Both clients against the real service."""

import asyncio
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typing_extensions import override

from footnote_client.errors import (
    ActingForOthersNotAllowed,
    CredentialInvalid,
    DocumentNotFound,
    IdempotencyKeyReused,
    InvalidRequest,
    JobFailed,
    RevisionMismatch,
)
from tests.clients.conftest import Connect, new_person, url_of
from tests.service import Service

LEAVE = "# Leave\n\nParental leave is 24 weeks. It may be divided in two."


async def test_a_question_is_answered_from_what_was_uploaded(
    connect: Connect, service: Service, tmp_path: Path
) -> None:
    person = await new_person(service)
    path = tmp_path / "leave größe.md"
    path.write_text(LEAVE)

    async with connect(url_of(service), person.key) as client:
        uploaded = await client.upload(path, external_id="leave", metadata={"team": "hr"})
        await service.run_job(person.tenant_id, uploaded.job.id)
        job = await client.wait(uploaded.job)
        found = await client.search("parental leave", filter={"metadata.team": "hr"}, top_k=3)
        answer = await client.ask("How long is parental leave?", include_retrieved=True)
        stored = await client.get_answer(answer.id)

    assert job.status == "succeeded"
    assert [hit.document.external_id for hit in found.data] == ["leave"]
    assert found.data[0].document.filename == "leave größe.md"
    assert answer.status == "answered"
    assert answer.citations[0].quote in LEAVE
    assert answer.citations[0].verification.checks.quote
    assert answer.retrieved[0].chunk_id == found.data[0].chunk_id
    assert (stored.answer, stored.created_at) == (answer.answer, answer.created_at)


async def test_a_stream_gives_the_claims_and_then_the_whole_answer(
    connect: Connect, service: Service
) -> None:
    person = await new_person(service)
    await person.upload(LEAVE)

    async with connect(url_of(service), person.key) as client:
        claims, answer = await client.streamed("How long is parental leave?")

    assert [claim.text for claim in claims] == [claim.text for claim in answer.claims]
    assert "24 weeks" in claims[0].text
    assert claims[0].citations == answer.citations[: len(claims[0].citations)]


class Pipe(io.BytesIO):
    """A file that cannot be read twice."""

    @override
    def seekable(self) -> bool:
        return False


def opened(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes())


def piped(path: Path) -> io.BytesIO:
    return Pipe(path.read_bytes())


@pytest.mark.parametrize(
    "give", [str, Path.read_bytes, opened, piped], ids=["name", "bytes", "open", "pipe"]
)
async def test_a_file_is_given_in_whatever_form(
    connect: Connect, service: Service, tmp_path: Path, give: Callable[[Path], object]
) -> None:
    person = await new_person(service)
    path = tmp_path / "leave.md"
    path.write_text(LEAVE)

    async with connect(url_of(service), person.key) as client:
        by_name = await client.upload(path, external_id="leave")
        again = await client.upload(give(path), filename="leave.md", external_id="leave")

    assert again.document.content_sha256 == by_name.document.content_sha256
    # Not read yet: the same job goes on.
    assert again.job == by_name.job


async def test_bytes_need_a_name(connect: Connect, service: Service) -> None:
    async with connect(url_of(service)) as client:
        with pytest.raises(ValueError, match="filename"):
            await client.upload(b"text")


async def test_a_text_is_uploaded_with_its_fields(connect: Connect, service: Service) -> None:
    person = await new_person(service, "user:ana")
    expires_at = datetime(2099, 1, 1, tzinfo=UTC)

    async with connect(url_of(service), person.key) as client:
        uploaded = await client.upload_text(
            LEAVE,
            title="Leave",
            collection="hr",
            principals=["user:ana"],
            metadata={"team": ["hr"]},
            expires_at=expires_at,
            source_uri=None,
        )
        listed = await client.listed(collection="hr", filter={"metadata.team": "hr"})

    assert uploaded.document.expires_at == expires_at
    assert uploaded.document.principals == ("user:ana",)
    assert [document.id for document in listed] == [uploaded.document.id]


async def test_lists_go_on_to_their_end(
    connect: Connect, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await new_person(service)
    monkeypatch.setattr("footnote_client.calls.PAGE_SIZE", 2)

    async with connect(url_of(service), person.key) as client:
        uploaded = [await client.upload_text(f"Text {number}.") for number in range(5)]
        listed = await client.listed()

    assert [each.id for each in listed] == [each.document.id for each in uploaded]


async def test_a_document_is_changed_only_as_it_was_read(
    connect: Connect, service: Service
) -> None:
    person = await new_person(service)
    document_id = await person.upload(LEAVE, title="Leave", metadata={"a": 1})

    async with connect(url_of(service), person.key) as client:
        before = await client.get_document(document_id)
        changed = await client.update_document(document_id, if_match=before.etag, title="Rest")
        with pytest.raises(RevisionMismatch):
            await client.update_document(document_id, if_match=before.etag, title="Work")
        cleared = await client.update_document(document_id, if_match=changed.etag, title=None)

    assert (changed.title, changed.metadata) == ("Rest", {"a": 1})
    assert cleared.etag != changed.etag


async def test_a_deletion_gives_its_receipt_each_time(connect: Connect, service: Service) -> None:
    person = await new_person(service)
    document_id = await person.upload(LEAVE)

    async with connect(url_of(service), person.key) as client:
        first = await client.delete_document(document_id)
        second = await client.delete_document(document_id)
        with pytest.raises(DocumentNotFound):
            await client.get_document(document_id)
        with pytest.raises(DocumentNotFound):
            await client.delete_document("00000000-0000-7000-8000-000000000000")

    assert first.document_id == second.document_id == document_id
    assert (first.versions, first.deleted_at) == (1, second.deleted_at)


async def test_a_job_is_waited_for_while_it_runs(connect: Connect, service: Service) -> None:
    person = await new_person(service)

    async with connect(url_of(service), person.key) as client:
        uploaded = await client.upload(b"%PDF-1.7 broken", filename="broken.pdf")
        waiting = asyncio.create_task(client.wait(uploaded.job))
        await service.run_job(person.tenant_id, uploaded.job.id)
        with pytest.raises(JobFailed) as raised:
            await waiting

    assert raised.value.code == "document_corrupt"
    assert raised.value.job.status == "failed"


async def test_each_person_is_asked_for(connect: Connect, service: Service) -> None:
    person = await new_person(service, "user:ana")
    await person.upload(LEAVE, principals=["user:ana"])
    reader = await service.person(person.tenant_id, "user:ana")

    async with connect(url_of(service), person.key) as client:
        ana = await client.search("parental leave", act_as=["user:ana"])
        bob = await client.search("parental leave", act_as=["user:bob", "group:josé"])
        claims, _ = await client.streamed("How long is parental leave?", act_as=["user:ana"])
        _, refused = await client.streamed("How long is parental leave?", act_as=["user:bob"])
    async with connect(url_of(service), reader.key) as client:
        with pytest.raises(ActingForOthersNotAllowed):
            await client.search("parental leave", act_as=["user:bob"])

    assert (len(ana.data), len(bob.data)) == (1, 0)
    assert len(claims) == 1
    assert (refused.status, refused.reason) == ("unsupported", "no_results")


async def test_feedback_stands_on_the_record(connect: Connect, service: Service) -> None:
    person = await new_person(service)
    await person.upload(LEAVE)

    async with connect(url_of(service), person.key) as client:
        answer = await client.ask("How long is parental leave?")
        await client.feedback(answer.id, -1, reason_code="too_long", comment="Say less.")
        given = await client.feedback(answer.id, 1)
        stored = await client.get_answer(answer.id)

    assert (answer.feedback, stored.feedback) == ((), (given,))
    assert (given.rating, given.reason_code) == (1, None)


async def test_claims_are_held_against_texts(connect: Connect, service: Service) -> None:
    person = await new_person(service)

    async with connect(url_of(service), person.key) as client:
        checked = await client.check_grounding(
            {"leave": "Parental leave is 24 weeks."},
            claims=["Parental leave is 24 weeks.", "Parental leave is 30 weeks."],
        )

    assert [claim.verdict for claim in checked.claims] == ["supported", "contradicted"]
    assert checked.claims[0].citations[0].source_id == "leave"


async def test_refusals_are_errors_by_code(connect: Connect, service: Service) -> None:
    person = await new_person(service)

    async with connect(url_of(service), "fn_unknown") as client:
        with pytest.raises(CredentialInvalid) as unknown:
            await client.search("leave")
    async with connect(url_of(service), person.key) as client:
        with pytest.raises(InvalidRequest) as misspelt:
            await client.search("leave", colections=["hr"])
        await client.upload_text("One.", idempotency_key="once")
        with pytest.raises(IdempotencyKeyReused):
            await client.upload_text("Two.", idempotency_key="once")

    assert (unknown.value.status, unknown.value.code) == (401, "credential_invalid")
    assert misspelt.value.errors[0].loc == ("body", "colections")
    assert misspelt.value.request_id
