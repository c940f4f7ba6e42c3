"""Outcomes of questions: each case in a tenant of its own, asked as every question is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from time import perf_counter
from typing import Final
from uuid import uuid4

from app.http.answers.respond import respond_answer
from app.http.answers.schemas import Answer, AnswerRequest
from app.identity import Caller, Identity
from app.policy.tenant_policy import TenantPolicies
from app.resources import Resources
from footnote.evals.loading import READER, ingest_upload, reading_code, tenant_named
from footnote.evals.metrics import share
from footnote.evals.outcomes.cases import ENDINGS, CaseDocument, OutcomeCase, cases_sha256
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result
from ingest.ingestion import Ingestion
from kb.ids import DocumentId, Subject, TenantId
from kb.postgres.database import EVERYONE
from kb.store.documents import DocumentFields
from kb.store.uploads import Upload, Uploads

DATASET: Final = "outcomes"


@dataclass(frozen=True, kw_only=True)
class LoadedCase:
    """A case that can be asked."""

    case: OutcomeCase
    tenant_id: TenantId


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The outcome of the case's question."""

    case: OutcomeCase
    ending: str
    milliseconds: float


async def load_cases(
    tools: Ingestion, uploads: Uploads, cases: Sequence[OutcomeCase]
) -> list[LoadedCase]:
    """Each case's documents in a tenant of its own; what is there already is not read again."""
    loaded = []
    for case in cases:
        tenant_id = await tenant_named(tools, _tenant_name(tools, case))
        document_ids: list[DocumentId] = []
        for place, document in enumerate(case.documents):
            upload = _upload(str(place), document, document_ids)
            document_ids.append(await ingest_upload(tools, uploads, tenant_id, upload))
        loaded.append(LoadedCase(case=case, tenant_id=tenant_id))
    return loaded


def _tenant_name(tools: Ingestion, case: OutcomeCase) -> str:
    """Another one when the documents change, the model, or the code that reads them."""
    content = f"{case.documents!r} {tools.space.name} {reading_code()}"
    return f"evaluation outcome {case.name} {sha256(content.encode()).hexdigest()[:16]}"


def _upload(external_id: str, document: CaseDocument, earlier: Sequence[DocumentId]) -> Upload:
    return Upload(
        content=document.text.encode(),
        filename=f"{external_id}.md",
        declared_media_type=None,
        collection=document.collection,
        mode=None,
        fields=DocumentFields(
            external_id=external_id,
            title=document.title,
            source_uri=None,
            language=None,
            metadata={},
            principals=(EVERYONE,),
            effective_at=document.effective_at,
            expires_at=document.expires_at,
            supersedes=None if document.supersedes is None else earlier[document.supersedes],
        ),
    )


async def measure_outcomes(
    resources: Resources, loaded: Sequence[LoadedCase], *, alias: str | None, variant: str
) -> list[Result]:
    """A result for each ending that was expected or came about."""
    ended = [await _ask(resources, each, alias) for each in loaded]
    return results_of(ended, variant=variant)


async def _ask(resources: Resources, loaded: LoadedCase, alias: str | None) -> Ended:
    case = loaded.case
    policies = TenantPolicies(tenants={loaded.tenant_id: case.policy})
    under_policy = replace(resources, answerer=replace(resources.answerer, policies=policies))
    # Somebody new each time: failures in a row are counted for each asker.
    caller = Caller(
        identity=Identity(
            subject=Subject(f"evaluation:{uuid4()}"),
            tenant_id=loaded.tenant_id,
            principals=READER.principals,
            scopes=frozenset({"answers"}),
        ),
        principals=READER.principals,
        request_id="evaluation",
    )
    for question in case.earlier:
        await respond_answer(under_policy, caller, _request(case, question, alias))
    started = perf_counter()
    answer = await respond_answer(under_policy, caller, _request(case, case.question, alias))
    milliseconds = round((perf_counter() - started) * 1000, 3)
    return Ended(case=case, ending=ending_of(answer), milliseconds=milliseconds)


def _request(case: OutcomeCase, question: str, alias: str | None) -> AnswerRequest:
    return AnswerRequest(
        question=question,
        collections=list(case.collections) or None,
        as_of=case.as_of,
        model=alias,
    )


def ending_of(answer: Answer) -> str:
    """The status; `escalate` and `stale` as `Ending` tells them apart."""
    if answer.reason == "stale_evidence":
        return "stale"
    if answer.handover is None:
        return answer.status
    cause = answer.handover.reason.partition(" ")[0]
    return f"escalate_{cause if cause in {'topic', 'collection'} else 'failures'}"


def results_of(ended: Sequence[Ended], *, variant: str) -> list[Result]:
    """For each ending that was expected or came about: precision, recall, and what came instead."""
    names = [*ENDINGS, *sorted({each.ending for each in ended} - set(ENDINGS))]
    results = []
    for name in names:
        concerned = [each for each in ended if name in {each.ending, each.case.expected}]
        if concerned:
            results.append(_result(name, concerned, sha=_sha256(ended), variant=variant))
    return results


def _result(name: str, concerned: Sequence[Ended], *, sha: str, variant: str) -> Result:
    expected = [each for each in concerned if each.case.expected == name]
    came = [each for each in concerned if each.ending == name]
    right = [each for each in expected if each.ending == name]
    figures = {}
    if expected:
        figures["recall"] = round(len(right) / len(expected), DIGITS)
        # Of nothing that ended so, nothing ended so rightly: a floor below both must fail.
        figures["precision"] = round(len(right) / len(came), DIGITS) if came else 0.0
    milliseconds = [each.milliseconds for each in concerned]
    return Result(
        dataset=DATASET,
        dataset_sha256=sha,
        split=None,
        is_whole=True,
        variant=f"{variant} {name}",
        figures=figures or {"precision": 0.0},
        figures_by_split=_instead(name, expected),
        latency_ms=spread(milliseconds),
        details={
            "expected": len(expected),
            "came": len(came),
            "wrong": " ".join(each.case.name for each in concerned if each not in right) or None,
        },
        question_ids=[each.case.name for each in concerned],
        scores={"right": [float(each in right) for each in concerned]},
        milliseconds=milliseconds,
    )


def _instead(name: str, expected: Sequence[Ended]) -> dict[str, dict[str, float]]:
    """For each other ending the share of the expected ones that ended so."""
    others = sorted({each.ending for each in expected} - {name})
    return {
        f"ended {other}": {
            "share": round(share([each.ending == other for each in expected]), DIGITS)
        }
        for other in others
    }


def _sha256(ended: Sequence[Ended]) -> str:
    return cases_sha256(each.case for each in ended)
