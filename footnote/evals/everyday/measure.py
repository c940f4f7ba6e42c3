"""Everyday questions: all documents in one tenant, each question asked on the way all take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from time import perf_counter
from typing import Final
from uuid import uuid4

from app.http.answers.respond import respond_answer
from app.http.answers.schemas import Answer, AnswerRequest, Turn
from app.identity import Caller, Identity
from app.resources import Resources
from footnote.evals.everyday.cases import EverydayCase, WrittenDocument, cases_sha256
from footnote.evals.everyday.grading import OUTCOMES, Grade, Shown, grade, normalized
from footnote.evals.loading import ingest_upload, reading_code, ready_documents, tenant_named
from footnote.evals.metrics import share
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result
from ingest.ingestion import Ingestion
from kb.errors import Misconfigured
from kb.ids import DocumentId, Subject, TenantId
from kb.postgres.database import EVERYONE
from kb.store.documents import DocumentFields
from kb.store.uploads import Upload, Uploads

KIND: Final = "everyday"

ALL: Final = "all"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to upload; `supersedes` is the id of one before it."""

    id: str
    filename: str
    content: bytes
    title: str
    principals: tuple[str, ...]
    collection: str
    effective_at: datetime | None
    expires_at: datetime | None
    supersedes: str | None


@dataclass(frozen=True, kw_only=True)
class AskedCase:
    """A case, what was shown, and how that is graded."""

    case: EverydayCase
    shown: Shown
    grade: Grade
    milliseconds: float


def source_of(document: WrittenDocument) -> SourceFile:
    """The written document as a file."""
    return SourceFile(
        id=document.id,
        filename=document.file,
        content=document.text.encode(),
        title=document.title,
        principals=document.principals,
        collection="default",
        effective_at=document.effective_at,
        expires_at=None,
        supersedes=document.supersedes,
    )


def headings_of(documents: Iterable[WrittenDocument]) -> frozenset[str]:
    """Titles and headings, normalized."""
    found = [document.title for document in documents]
    for document in documents:
        lines = document.text.splitlines()
        found += [line.lstrip("#") for line in lines if line.startswith("#")]
    return frozenset(normalized(each) for each in found)


async def load_files(tools: Ingestion, uploads: Uploads, files: Sequence[SourceFile]) -> TenantId:
    """The tenant with all files; what is there already is not read again.

    Misconfigured when one cannot be ingested.
    """
    digest = sha256(f"{files!r} {tools.space.name} {reading_code()}".encode()).hexdigest()[:16]
    tenant_id = await tenant_named(tools, f"evaluation {KIND} {digest}")
    wanted = {file.id for file in files}
    if wanted <= await ready_documents(tools, tenant_id):
        return tenant_id
    ids: dict[str, DocumentId] = {}
    for file in files:
        earlier = None if file.supersedes is None else ids[file.supersedes]
        ids[file.id] = await ingest_upload(tools, uploads, tenant_id, _upload(file, earlier))
    unread = sorted(wanted - await ready_documents(tools, tenant_id))
    if unread:
        raise Misconfigured(f"{unread[0]!r} is asked about and could not be ingested.")
    return tenant_id


def _upload(file: SourceFile, earlier: DocumentId | None) -> Upload:
    return Upload(
        content=file.content,
        filename=file.filename,
        declared_media_type=None,
        collection=file.collection,
        mode=None,
        fields=DocumentFields(
            external_id=file.id,
            title=file.title,
            source_uri=None,
            language=None,
            metadata={},
            principals=file.principals,
            effective_at=file.effective_at,
            expires_at=file.expires_at,
            supersedes=earlier,
        ),
    )


async def ask_cases(
    resources: Resources,
    tenant_id: TenantId,
    cases: Sequence[EverydayCase],
    *,
    headings: frozenset[str],
    alias: str | None,
) -> list[AskedCase]:
    """Each case, asked and graded, in their order."""
    return [await _ask(resources, tenant_id, case, headings, alias) for case in cases]


async def _ask(
    resources: Resources,
    tenant_id: TenantId,
    case: EverydayCase,
    headings: frozenset[str],
    alias: str | None,
) -> AskedCase:
    principals = (EVERYONE, *case.principals)
    # Somebody new each time: failures in a row are counted for each asker.
    caller = Caller(
        identity=Identity(
            subject=Subject(f"evaluation:{uuid4()}"),
            tenant_id=tenant_id,
            principals=principals,
            scopes=frozenset({"answers"}),
        ),
        principals=principals,
        request_id="evaluation",
    )
    request = AnswerRequest(
        question=case.question,
        history=[Turn(role=turn.role, content=turn.content) for turn in case.history] or None,
        model=alias,
    )
    started = perf_counter()
    answer = await respond_answer(resources, caller, request)
    milliseconds = round((perf_counter() - started) * 1000, 3)
    shown = shown_by(answer)
    return AskedCase(
        case=case,
        shown=shown,
        grade=grade(case, shown, headings=headings),
        milliseconds=milliseconds,
    )


def shown_by(answer: Answer) -> Shown:
    """The answer without the markers of its citations, and its supported claims."""
    text = answer.answer
    for citation in answer.citations:
        text = text.replace(citation.marker, "")
    return Shown(
        status=answer.status,
        text=text,
        claims=tuple(claim.text for claim in answer.claims if claim.verdict == "supported"),
    )


def results_of(
    name: str, asked: Sequence[AskedCase], *, variant: str, is_whole: bool
) -> list[Result]:
    """Of the set with this name: the result of all, then of each kind in the order of the cases."""
    kinds = dict.fromkeys(each.case.kind for each in asked)
    groups = {ALL: list(asked)} | {
        kind: [each for each in asked if each.case.kind == kind] for kind in kinds
    }
    return [
        _result(name, group, variant=f"{variant} {kind}", is_whole=is_whole)
        for kind, group in groups.items()
    ]


def _result(name: str, asked: Sequence[AskedCase], *, variant: str, is_whole: bool) -> Result:
    outcomes = [each.grade.outcome for each in asked]
    figures: dict[str, float] = {
        outcome: round(share([each == outcome for each in outcomes]), DIGITS)
        for outcome in OUTCOMES
    }
    # Of these more is better, so they can have floors.
    fit = [each in {"right", "ugly"} for each in outcomes]
    sound = [each not in {"wrong", "beside", "wrongly_answered"} for each in outcomes]
    figures |= {
        "right_or_ugly": round(share(fit), DIGITS),
        "not_wrong": round(share(sound), DIGITS),
    }
    milliseconds = [each.milliseconds for each in asked]
    return Result(
        dataset=name,
        dataset_sha256=cases_sha256(each.case for each in asked),
        split=None,
        is_whole=is_whole,
        variant=variant,
        figures=figures,
        figures_by_split={},
        latency_ms=spread(milliseconds),
        details={
            outcome: " ".join(each.case.id for each in asked if each.grade.outcome == outcome)
            or None
            for outcome in OUTCOMES[1:]
        },
        question_ids=[each.case.id for each in asked],
        scores={
            "right": [float(each == "right") for each in outcomes],
            "right_or_ugly": [float(each) for each in fit],
            "not_wrong": [float(each) for each in sound],
        },
        milliseconds=milliseconds,
    )
