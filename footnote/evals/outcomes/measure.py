"""Outcomes of questions: each case in a tenant of its own, asked as every question is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from app.http.answers.schemas import Answer, AnswerRequest
from app.policy.tenant_policy import TenantPolicies
from app.resources import Resources
from footnote.evals.asking import ask_timed, new_asker
from footnote.evals.case_files import content_sha256
from footnote.evals.loading import SourceFile, ingest_file, reading_code, tenant_named
from footnote.evals.outcomes.cases import ENDINGS, OutcomeCase
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result
from ingest.ingestion import Ingestion
from kb.ids import DocumentId, TenantId
from kb.store.uploads import Uploads

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
    """Each case with its documents in a tenant of its own; what is there is not read again."""
    loaded = []
    for case in cases:
        # Another tenant when the documents change, the model, or the code that reads them.
        content = f"{case.documents!r} {tools.space.name} {reading_code()}"
        digest = sha256(content.encode()).hexdigest()[:16]
        tenant_id = await tenant_named(tools, f"evaluation outcome {case.name} {digest}")

        document_ids: list[DocumentId] = []
        for place, document in enumerate(case.documents):
            file = SourceFile(
                id=str(place),
                filename=f"{place}.md",
                content=document.text.encode(),
                title=document.title,
                collection=document.collection,
                effective_at=document.effective_at,
                expires_at=document.expires_at,
            )
            earlier = None if document.supersedes is None else document_ids[document.supersedes]
            document_ids.append(await ingest_file(tools, uploads, tenant_id, file, earlier))
        loaded.append(LoadedCase(case=case, tenant_id=tenant_id))
    return loaded


async def measure_outcomes(
    resources: Resources, loaded: Sequence[LoadedCase], *, alias: str | None, variant: str
) -> list[Result]:
    """A result for each ending that was expected or came about."""
    ended = []
    for each in loaded:
        case = each.case
        policies = TenantPolicies(tenants={each.tenant_id: case.policy})
        under_policy = replace(resources, answerer=replace(resources.answerer, policies=policies))
        request = AnswerRequest(
            question=case.question,
            collections=list(case.collections) or None,
            as_of=case.as_of,
            model=alias,
        )
        caller = new_asker(each.tenant_id)
        for question in case.earlier:
            await ask_timed(under_policy, caller, request.model_copy(update={"question": question}))
        answer, milliseconds = await ask_timed(under_policy, caller, request)
        ended.append(Ended(case=case, ending=ending_of(answer), milliseconds=milliseconds))
    return results_of(ended, variant=variant)


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
    dataset_sha256 = content_sha256(each.case for each in ended)
    results = []
    for name in names:
        concerned = [each for each in ended if name in {each.ending, each.case.expected}]
        if not concerned:
            continue
        expected = [each for each in concerned if each.case.expected == name]
        came = [each for each in concerned if each.ending == name]
        right = [each for each in expected if each.ending == name]
        figures = {"precision": 0.0}
        if expected:
            # Of nothing that ended so, nothing ended so rightly: a floor below both must fail.
            precision = len(right) / len(came) if came else 0.0
            figures = {
                "recall": round(len(right) / len(expected), DIGITS),
                "precision": round(precision, DIGITS),
            }

        others = Counter(each.ending for each in expected if each.ending != name)
        milliseconds = [each.milliseconds for each in concerned]
        wrong = [each.case.name for each in concerned if each not in right]
        results.append(
            Result(
                dataset=DATASET,
                dataset_sha256=dataset_sha256,
                split=None,
                is_whole=True,
                variant=f"{variant} {name}",
                figures=figures,
                figures_by_split={
                    f"ended {other}": {"share": round(count / len(expected), DIGITS)}
                    for other, count in sorted(others.items())
                },
                latency_ms=spread(milliseconds),
                details={
                    "expected": len(expected),
                    "came": len(came),
                    "wrong": " ".join(wrong) or None,
                },
                question_ids=[each.case.name for each in concerned],
                scores={"right": [float(each in right) for each in concerned]},
                milliseconds=milliseconds,
            )
        )
    return results
