"""Telling supported claims from others: the verifier on sets that people labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from time import thread_time
from typing import Final, TypedDict

from app.answering.verify.coverage import SentenceIndex
from app.answering.verify.grounding import GivenSource, GroundingVerdict, ground, index_given
from app.answering.verify.profiles import Fitted, ProfileName
from footnote.evals.grounding_claims import LabelledClaim, claims_sha256, read_claims
from footnote.evals.metrics import auroc, balanced_accuracy, percentile, share

FALSE_FLAG_SHARES: Final = (0.02, 0.05, 0.10, 0.20)
"""Shares of supported claims flagged, at which the unsupported ones found are reported."""

SEED: Final = 20261121
"""Of the sample, so that two runs judge the same claims."""


@dataclass(frozen=True, kw_only=True)
class JudgedClaim:
    """The verdicts of people and of the verifier; `cpu_ms` without preparing the source."""

    is_supported: bool
    verdict: GroundingVerdict
    score: float
    cpu_ms: float


@dataclass(frozen=True, kw_only=True)
class JudgedSet:
    """The claims of a set, and in their order what was found."""

    claims: Sequence[LabelledClaim]
    verdicts: Sequence[JudgedClaim]


class SetReport(TypedDict):
    """One set. Positive means unsupported; None where the set has claims of one kind only."""

    dataset: str
    claims: int
    unsupported: int
    auroc: float | None
    balanced_accuracy: float | None
    caught: float | None
    false_alarms: float
    caught_at_false_flags: dict[str, float] | None
    cpu_ms_p50: float
    cpu_ms_p95: float


class GroundingReport(TypedDict):
    """All sets; the means are over sets that have both kinds."""

    profile: str
    fitted_version: str
    data_sha256: str
    sets: list[SetReport]
    mean_auroc: float
    mean_balanced_accuracy: float


def judge_sets(
    evaldata: Path,
    datasets: Sequence[str],
    *,
    fitted: Fitted,
    profile: ProfileName,
    limit: int | None = None,
) -> dict[str, JudgedSet]:
    """Each set's claims with the verdicts on them; `limit` takes a sample, always the same one."""
    sets = {}
    for name in datasets:
        claims = read_claims(evaldata, name)
        if limit is not None and limit < len(claims):
            claims = Random(SEED).sample(claims, limit)  # noqa: S311  # a repeatable sample
        # Claims on one source become neighbours.
        claims.sort(key=lambda claim: claim.context)

        verdicts = []
        for claim in claims:
            sources = prepared(claim.context)
            started = thread_time()
            found = ground(claim.claim, sources, fitted, profile)
            verdicts.append(
                JudgedClaim(
                    is_supported=claim.is_supported,
                    verdict=found.verdict,
                    score=found.score,
                    cpu_ms=(thread_time() - started) * 1000,
                )
            )
        sets[name] = JudgedSet(claims=claims, verdicts=verdicts)
    return sets


def report_of(
    sets: Mapping[str, JudgedSet], *, fitted: Fitted, profile: ProfileName
) -> GroundingReport:
    """The report on judged sets."""
    reports = [report_set(name, judged.verdicts) for name, judged in sets.items()]
    areas = [each["auroc"] for each in reports if each["auroc"] is not None]
    balanced = [
        each["balanced_accuracy"] for each in reports if each["balanced_accuracy"] is not None
    ]
    return GroundingReport(
        profile=profile,
        fitted_version=fitted["version"],
        data_sha256=claims_sha256([claim for judged in sets.values() for claim in judged.claims]),
        sets=reports,
        mean_auroc=sum(areas) / max(1, len(areas)),
        mean_balanced_accuracy=sum(balanced) / max(1, len(balanced)),
    )


@lru_cache(maxsize=1)
def prepared(text: str) -> SentenceIndex:
    """The text as the one source, with its index made; neighbouring claims share the last one."""
    index = index_given([GivenSource(id="source", text=text)])
    _ = index.places, [source.sentences for source in index.sources]
    return index


def report_set(dataset: str, judged: Sequence[JudgedClaim]) -> SetReport:
    """The counts; a claim that is not checkable counts as flagged."""
    flagged = [(each.is_supported, each.verdict != "supported") for each in judged]
    false_flags = [is_flagged for is_supported, is_flagged in flagged if is_supported]
    hits = [is_flagged for is_supported, is_flagged in flagged if not is_supported]
    risks = [1 - each.score for each in judged if not each.is_supported]
    safe = [1 - each.score for each in judged if each.is_supported]
    has_both = bool(risks and safe)
    times = [each.cpu_ms for each in judged]
    caught_at = {}
    for allowed in FALSE_FLAG_SHARES if has_both else ():
        # The highest risk of a supported claim that may no longer be flagged.
        bound = sorted(safe, reverse=True)[min(len(safe) - 1, int(allowed * len(safe)))]
        caught_at[f"{allowed:.0%}"] = share([risk > bound for risk in risks])
    return SetReport(
        dataset=dataset,
        claims=len(judged),
        unsupported=len(risks),
        auroc=auroc(risks, safe) if has_both else None,
        balanced_accuracy=balanced_accuracy(hits, false_flags) if has_both else None,
        caught=share(hits) if hits else None,
        false_alarms=share(false_flags),
        caught_at_false_flags=caught_at or None,
        cpu_ms_p50=percentile(times, 50),
        cpu_ms_p95=percentile(times, 95),
    )
