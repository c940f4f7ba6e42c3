"""Everyday questions: all documents in one tenant, each question asked on the way all take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from app.http.answers.schemas import Answer, AnswerRequest, Turn
from app.resources import Resources
from footnote.evals.asking import ask_timed, new_asker
from footnote.evals.case_files import content_sha256
from footnote.evals.everyday.cases import EverydayCase, WrittenDocument
from footnote.evals.everyday.grading import OUTCOMES, Grade, Shown, grade, normalized
from footnote.evals.loading import (
    SourceFile,
    ingest_file,
    reading_code,
    ready_documents,
    tenant_named,
)
from footnote.evals.metrics import share
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result
from ingest.ingestion import Ingestion
from kb.errors import Misconfigured
from kb.ids import DocumentId, TenantId
from kb.postgres.database import EVERYONE
from kb.store.uploads import Uploads

KIND: Final = "everyday"

ALL: Final = "all"


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
        effective_at=document.effective_at,
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
        ids[file.id] = await ingest_file(tools, uploads, tenant_id, file, earlier)
    unread = sorted(wanted - await ready_documents(tools, tenant_id))
    if unread:
        raise Misconfigured(f"{unread[0]!r} is asked about and could not be ingested.")
    return tenant_id


async def ask_cases(
    resources: Resources,
    tenant_id: TenantId,
    cases: Sequence[EverydayCase],
    *,
    headings: frozenset[str],
    alias: str | None,
) -> list[AskedCase]:
    """Each case, asked and graded, in their order."""
    asked = []
    for case in cases:
        request = AnswerRequest(
            question=case.question,
            history=[Turn(role=turn.role, content=turn.content) for turn in case.history] or None,
            model=alias,
        )
        caller = new_asker(tenant_id, (EVERYONE, *case.principals))
        answer, milliseconds = await ask_timed(resources, caller, request)
        shown = shown_by(answer)
        asked.append(
            AskedCase(
                case=case,
                shown=shown,
                grade=grade(case, shown, headings=headings),
                milliseconds=milliseconds,
            )
        )
    return asked


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
    """The result of all cases of the set, then of each kind in the order of the cases."""
    kinds = dict.fromkeys(each.case.kind for each in asked)
    groups = {ALL: list(asked)} | {
        kind: [each for each in asked if each.case.kind == kind] for kind in kinds
    }
    results = []
    for kind, group in groups.items():
        outcomes = [each.grade.outcome for each in group]
        # Of these more is better, so they can have floors.
        flags = {
            "right_or_ugly": [each in {"right", "ugly"} for each in outcomes],
            "not_wrong": [each not in {"wrong", "beside", "wrongly_answered"} for each in outcomes],
        }
        shares: dict[str, float] = {each: outcomes.count(each) / len(outcomes) for each in OUTCOMES}
        shares |= {measure: share(values) for measure, values in flags.items()}
        ids_by_outcome = {
            outcome: " ".join(each.case.id for each in group if each.grade.outcome == outcome)
            for outcome in OUTCOMES[1:]
        }
        milliseconds = [each.milliseconds for each in group]
        results.append(
            Result(
                dataset=name,
                dataset_sha256=content_sha256(each.case for each in group),
                split=None,
                is_whole=is_whole,
                variant=f"{variant} {kind}",
                figures={measure: round(value, DIGITS) for measure, value in shares.items()},
                figures_by_split={},
                latency_ms=spread(milliseconds),
                details={outcome: ids or None for outcome, ids in ids_by_outcome.items()},
                question_ids=[each.case.id for each in group],
                scores={
                    "right": [float(each == "right") for each in outcomes],
                    **{
                        measure: [float(each) for each in values]
                        for measure, values in flags.items()
                    },
                },
                milliseconds=milliseconds,
            )
        )
    return results
