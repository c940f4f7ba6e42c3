"""What the clients send again, and what they make of each refusal."""

import copy
import pickle
from random import Random

import pytest

from footnote_client import Client, FootnoteError, JobFailed, Retries, WaitTimedOut
from footnote_client.errors import (
    BudgetExhausted,
    ConnectionFailed,
    InvalidRequest,
    NotFound,
    RateLimited,
    RequestRefused,
    ResponseInvalid,
    RevisionMismatch,
    ServiceFailed,
    Stopping,
    Unavailable,
)
from tests.clients.conftest import QUICK, Connect
from tests.fakes.scripted_service import CUT, Reply, problem, reply, scripted

KEY = "fn_secret-0123456789"
FOUND = {"data": [], "generation": 3, "timings_ms": {}, "explanation": None, "request_id": "r"}
JOB: dict[str, object] = {
    "id": "j",
    "kind": "ingest",
    "status": "succeeded",
    "progress": {"done": 1, "total": None, "unit": "pages"},
    "error": None,
    "attempts": 1,
}
DOCUMENT: dict[str, object] = {
    "id": "d",
    "external_id": None,
    "collection": "default",
    "title": None,
    "source_uri": None,
    "media_type": "text/plain",
    "language": None,
    "version": 0,
    "content_sha256": "00",
    "size_bytes": 1,
    "status": "pending",
    "warnings": [],
    "error": None,
    "chunk_count": 0,
    "principals": ["tenant:*"],
    "metadata": {},
    "effective_at": None,
    "expires_at": None,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "pending_upload": None,
}
ACCEPTED = {"document": DOCUMENT, "job": {**JOB, "status": "queued"}}

PASSING = {
    "too many requests": problem(429, "rate_limited", Retry_After="0"),
    "a date to come back": problem(
        429, "rate_limited", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"
    ),
    "unavailable": problem(503, "database_unavailable", Retry_After="0"),
    "stopping": problem(503, "stopping", Retry_After="0"),
    "unavailable by a new code": problem(503, "of_the_future"),
    "still running": problem(409, "still_running", Retry_After="0"),
    "a proxy": Reply(status=502, body=b"<h1>Bad gateway</h1>"),
    "a proxy that waited": Reply(status=504),
    "cut before the response": CUT,
    "cut in the response": Reply(body=b'{"data":', is_cut=True),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_what_may_pass_is_tried_again_under_the_same_key(
    connect: Connect, failure: Reply
) -> None:
    async with (
        scripted([failure, failure, reply(ACCEPTED, 202)]) as service,
        connect(service.url) as client,
    ):
        uploaded = await client.upload(b"text", filename="a.txt", external_id="a")

    assert uploaded.document.id == "d"
    assert len({sent.headers["idempotency-key"] for sent in service.sent}) == 1
    assert [sent.body.count(b"\r\ntext\r\n") for sent in service.sent] == [1, 1, 1]


async def test_each_post_has_a_key_of_its_own_unless_one_is_given(connect: Connect) -> None:
    async with (
        scripted([reply(ACCEPTED, 202)] * 3) as service,
        connect(service.url) as client,
    ):
        await client.upload_text("one")
        await client.upload_text("one")
        await client.upload_text("one", idempotency_key="mine")

    first, second, third = (sent.headers["idempotency-key"] for sent in service.sent)
    assert first != second
    assert third == "mine"


FINAL = {
    "a refusal": (problem(422, "invalid_filter"), InvalidRequest),
    "a model's output": (problem(502, "llm_output_invalid"), ServiceFailed),
    "a bug": (problem(500, "internal_error"), ServiceFailed),
    "a code to come": (problem(404, "thing_not_found"), NotFound),
    "a status to come": (problem(418, "teapot"), RequestRefused),
    "no problem": (Reply(status=403, body=b"<h1>Forbidden</h1>"), RequestRefused),
    "no end in a minute": (problem(429, "budget_exhausted", Retry_After="7200"), BudgetExhausted),
    "a redirect": (Reply(status=302, headers={"Location": "http://elsewhere/"}), ResponseInvalid),
    "another service": (Reply(body=b"<h1>Welcome</h1>"), ResponseInvalid),
    "another shape": (reply({"data": "none"}), ResponseInvalid),
}


@pytest.mark.parametrize(("response", "kind"), FINAL.values(), ids=FINAL)
async def test_what_stays_is_raised_at_once(
    connect: Connect, response: Reply, kind: type[FootnoteError]
) -> None:
    async with scripted([response]) as service, connect(service.url) as client:
        with pytest.raises(kind):
            await client.search("leave")

    assert len(service.sent) == 1


async def test_retries_end(connect: Connect) -> None:
    async with (
        scripted([problem(503, "index_not_ready")] * 9) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(Unavailable) as raised:
            await client.search("leave")

    assert len(service.sent) == QUICK.attempts
    assert (raised.value.code, raised.value.request_id) == ("index_not_ready", "request-1")


async def test_a_service_that_is_not_there_is_a_failed_connection(connect: Connect) -> None:
    async with scripted([]) as service:
        url = service.url
    async with connect(url) as client:
        with pytest.raises(ConnectionFailed, match="ConnectError"):
            await client.search("leave")


@pytest.mark.parametrize(
    ("response", "failure"),
    [(CUT, ConnectionFailed), (problem(503, "stopping"), Stopping)],
    ids=["cut", "stopping"],
)
async def test_a_change_that_may_have_been_made_is_not_sent_again(
    connect: Connect, response: Reply, failure: type[FootnoteError]
) -> None:
    async with scripted([response] * 9) as service, connect(service.url) as client:
        with pytest.raises(failure):
            await client.update_document("d", if_match='"3"', title="New")

    assert len(service.sent) == 1


async def test_a_refused_change_keeps_what_it_refers_to(connect: Connect) -> None:
    async with (
        scripted(
            [problem(503, "transaction_conflict"), problem(412, "revision_mismatch")]
        ) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(RevisionMismatch):
            await client.update_document("d", if_match='"3"', title=None, metadata={"a": 1})

    assert [sent.headers["if-match"] for sent in service.sent] == ['"3"', '"3"']
    assert service.sent[0].json == {"title": None, "metadata": {"a": 1}}


async def test_a_lost_deletion_is_told_of_by_its_receipt(connect: Connect) -> None:
    receipt = {
        "type": "footnote.document_deletion.1",
        "document_id": "d",
        "content_sha256": "00",
        "reason": "request",
        "deleted_at": "2026-01-01T00:00:00Z",
        **dict.fromkeys(
            ("documents", "versions", "chunks", "vectors", "answers", "jobs", "files"), 1
        ),
        "generation": 4,
        "purge": {"status": "running", "completed_at": None, "nodes": 0, "absent_nodes": 0},
        "remaining": ["audit_event"],
        "key_id": "k",
        "signature": "s",
    }
    script = [CUT, problem(404, "document_not_found"), reply({"receipt": receipt})]
    async with scripted(script) as service, connect(service.url) as client:
        deleted = await client.delete_document("d")

    assert deleted.generation == 4
    assert [(sent.method, sent.path) for sent in service.sent] == [
        ("DELETE", "/v1/documents/d"),
        ("DELETE", "/v1/documents/d"),
        ("GET", "/v1/documents/d/receipt"),
    ]


# --- Waiting -------------------------------------------------------------------------------------


async def test_waiting_ends_with_the_job(connect: Connect) -> None:
    script = [
        reply({**JOB, "status": "queued"}),
        reply({**JOB, "status": "running"}),
        problem(503, "database_unavailable"),
        reply(JOB),
    ]
    async with scripted(script) as service, connect(service.url) as client:
        job = await client.wait("j", act_as=["user:ana"])

    assert job.status == "succeeded"
    assert all(sent.path.startswith("/v1/jobs/j?wait=") for sent in service.sent)
    assert {sent.headers["footnote-principals"] for sent in service.sent} == {"user:ana"}


async def test_no_job_is_not_waited_for(connect: Connect) -> None:
    async with scripted([]) as service, connect(service.url) as client:
        assert await client.wait(None) is None

    assert service.sent == []


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (
            "failed",
            {"code": "document_corrupt", "message": "No.", "retryable": False},
            "document_corrupt",
        ),
        ("canceled", None, "canceled"),
    ],
)
async def test_a_job_without_success_is_an_error(
    connect: Connect, status: str, error: object, code: str
) -> None:
    async with (
        scripted([reply({**JOB, "status": status, "error": error})]) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(JobFailed) as raised:
            await client.wait("j")

    assert raised.value.code == code
    assert raised.value.job.status == status


async def test_a_job_that_goes_on_is_not_waited_for_longer_than_asked(connect: Connect) -> None:
    running = reply({**JOB, "status": "running"})
    async with scripted([running]) as service, connect(service.url) as client:
        with pytest.raises(WaitTimedOut) as raised:
            await client.wait("j", timeout_seconds=0)

    assert raised.value.job.status == "running"
    assert isinstance(raised.value, TimeoutError)


# --- Pauses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "retry_after", "least", "most"),
    [
        (1, None, 0.25, 0.5),
        (2, None, 0.5, 1),
        (4, None, 2, 4),
        # Bounded by the longest pause, however many there were.
        (99, None, 30, 60),
        (100_000, None, 30, 60),
        # What the service asks for comes on top.
        (1, 7, 7.25, 7.5),
    ],
)
def test_pauses_grow_and_differ(
    attempt: int, retry_after: float | None, least: float, most: float
) -> None:
    retries, random = Retries(attempts=10**6), Random(1)  # noqa: S311  # no secret

    pauses = [retries.pause(attempt, retry_after=retry_after, random=random) for _ in range(100)]

    seconds = [pause.seconds for pause in pauses if pause]
    assert least <= min(seconds) < max(seconds) <= most


def test_no_pause_is_longer_than_the_longest() -> None:
    retries, random = Retries(longest_pause_seconds=10), Random(1)  # noqa: S311  # no secret

    assert retries.pause(1, retry_after=11, random=random) is None
    assert retries.pause(retries.attempts, retry_after=None, random=random) is None


# --- What an error shows -------------------------------------------------------------------------


async def test_an_error_says_what_to_correct(connect: Connect) -> None:
    fields = [{"loc": ["body", "colections"], "msg": "Extra inputs are not permitted", "type": "x"}]
    body = {
        "type": "/errors/invalid_request",
        "title": "The request is not valid.",
        "status": 422,
        "detail": "The request is not valid; 'errors' says where.",
        "code": "invalid_request",
        "request_id": "request-1",
        "errors": fields,
    }
    async with scripted([reply(body, 422)]) as service, connect(service.url) as client:
        with pytest.raises(InvalidRequest) as raised:
            await client.search("leave", colections=["hr"])

    assert str(raised.value) == (
        "The request is not valid; 'errors' says where. "
        "body.colections: Extra inputs are not permitted. "
        "(code invalid_request, request request-1)"
    )
    assert raised.value.errors[0].loc == ("body", "colections")


async def test_no_error_shows_the_key(connect: Connect) -> None:
    async with (
        scripted([problem(401, "credential_invalid"), CUT, CUT, CUT, CUT]) as service,
        connect(service.url, KEY) as client,
    ):
        shown = [repr(client.client), str(client.client.__dict__)]
        for _ in range(2):
            with pytest.raises(FootnoteError) as raised:
                await client.search("leave")
            errors: list[BaseException | None] = [raised.value, raised.value.__cause__]
            shown += [f"{error!r} {error} {vars(error)}" for error in errors if error]

    assert service.sent[0].headers["authorization"] == f"Bearer {KEY}"
    assert not any("0123456789" in text for text in shown)


@pytest.mark.parametrize(
    "key", ["", " ", f"{KEY}\n", f"{KEY}\r\nX: y", f"{KEY}\u20ac", f"a {KEY}\x00"]
)
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="key is empty") as raised:
        Client("http://127.0.0.1:1", key)

    assert "0123456789" not in repr(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "footnote.example",
        "ftp://footnote.example",
        "https://user:word@footnote.example",
        "http://footnote.example:port",
        "https://",
        "https://footnote.example?tenant=a",
        "https://footnote.example#a",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Client(url, KEY)


def test_an_error_survives_copies_between_processes() -> None:
    original = RateLimited("Too many.")
    original.retry_after = 3.0

    for copied in (copy.copy(original), pickle.loads(pickle.dumps(original))):  # noqa: S301  # ours
        assert (type(copied), str(copied), copied.retry_after) == (RateLimited, "Too many.", 3.0)


# --- Whom it asks for -----------------------------------------------------------------------------


async def test_any_letters_may_name_a_principal(connect: Connect) -> None:
    async with scripted([reply(FOUND)]) as service, connect(service.url) as client:
        await client.search("leave", act_as=["user:josé", "group:財務"])

    sent = service.sent[0].headers["footnote-principals"]
    assert sent == "user:josé,group:財務"


@pytest.mark.parametrize(
    "principals",
    [
        [],
        "user:ana",
        [""],
        ["user:ana", ""],
        ["user:ana,group:hr"],
        ["user:ana\r\nX: y"],
        ["user:\x00"],
    ],
    ids=repr,
)
async def test_a_name_never_makes_a_second_principal(
    connect: Connect, principals: list[str] | str
) -> None:
    async with scripted([]) as service, connect(service.url) as client:
        with pytest.raises(ValueError, match="principal"):
            await client.search("leave", act_as=principals)
        with pytest.raises(ValueError, match="principal"):
            await client.streamed("Leave?", act_as=principals)

    assert service.sent == []


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_an_id_leads_nowhere_else(connect: Connect, name: str) -> None:
    async with scripted([reply(DOCUMENT)]) as service, connect(service.url) as client:
        with pytest.raises(ValueError, match="no id"):
            await client.delete_document(name)
        await client.get_document("../jobs?x=#y")

    assert [sent.path for sent in service.sent] == ["/v1/documents/..%2Fjobs%3Fx%3D%23y"]


async def test_one_name_is_no_list_of_readers(connect: Connect) -> None:
    async with scripted([]) as service, connect(service.url) as client:
        with pytest.raises(TypeError, match="principals is a list"):
            await client.upload_text("text", principals="user:ana,group:hr")

    assert service.sent == []


async def test_what_a_newer_service_adds_is_passed_over(connect: Connect) -> None:
    newer = {**DOCUMENT, "status": "archived", "colour": {"name": "red"}}
    async with scripted([reply(newer, ETag='"7"')]) as service, connect(service.url) as client:
        document = await client.get_document("d")

    assert (document.status, document.etag) == ("archived", '"7"')


async def test_what_an_older_service_lacks_is_none(connect: Connect) -> None:
    older = {name: value for name, value in DOCUMENT.items() if name != "pending_upload"}
    async with scripted([reply(older)]) as service, connect(service.url) as client:
        document = await client.get_document("d")

    assert (document.pending_upload, document.filename) == (None, None)
