"""`footnote doctor recall`: what vector search finds of what it should."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from statistics import fmean, median
from typing import Final

import typer

from footnote.caller import command_line_caller
from footnote.on_database import open_database
from footnote.output import console, print_json, styled
from kb.index.recall import RecallSample, check_recall
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles
from kb.index.vector_search import Plan
from kb.postgres.database import Viewer
from kb.postgres.embedded_postgres import database_url
from kb.settings import Settings
from kb.store.spaces import current_space

LOWEST_RECALL = 0.95
"""Below, an index is damaged, or does not tell the vectors apart; .99 is usual."""

MEND: Final[Mapping[Plan, str]] = {
    "shortlist": "Delete the folder 'sketches' of the home: they are made anew. If that does not "
    "help, set FOOTNOTE_SEARCH_MEMORY_BYTES=0, and check Postgres' plans.",
    "signs": "Run REINDEX on the space's _audience index; if that does not help, signs do not tell "
    "these vectors apart.",
    "hnsw": "Run REINDEX on the space's _hnsw index with a large maintenance_work_mem.",
    "exact": "Documents changed between search and comparison: check again.",
}
"""The remedy for a plan that misses too much."""

SEED = 7


def show_recall(tenant: str, principals: Sequence[str], *, samples: int, as_json: bool) -> None:
    """Prints recall and latency; exit 1 below LOWEST_RECALL."""
    settings = Settings()
    limit = settings.retrieval_candidates
    with database_url(settings) as url:
        checked = asyncio.run(_check(settings, url, tenant, principals, samples))
    recall, advice = _recall(checked), mend(checked)
    if as_json:
        print_json(
            {
                "ok": recall >= LOWEST_RECALL,
                "limit": limit,
                "samples": len(checked),
                "recall": round(recall, 4),
                "lowest_recall": min((sample.recall for sample in checked), default=1.0),
                "plans": dict(Counter(sample.plan for sample in checked)),
                "milliseconds_p50": _median([sample.milliseconds for sample in checked]),
                "exact_milliseconds_p50": _median(
                    [sample.exact_milliseconds for sample in checked]
                ),
                "mend": advice,
            }
        )
    elif not checked:
        console.print("No vector is visible: nothing to check.")
    else:
        mark = ("ok  ", "green") if recall >= LOWEST_RECALL else ("FAIL", "red")
        plans = ", ".join(sorted({sample.plan for sample in checked}))
        told = (
            f" recall@{limit} {recall:.3f} over {len(checked)} questions (plan: {plans}), "
            f"p50 {_median([sample.milliseconds for sample in checked])} ms"
        )
        console.print(styled(mark, told))
        if advice is not None:
            console.print(f"       {advice}")
    if recall < LOWEST_RECALL:
        raise typer.Exit(1)


def _recall(checked: Sequence[RecallSample]) -> float:
    return fmean(sample.recall for sample in checked) if checked else 1.0


def mend(checked: Sequence[RecallSample]) -> str | None:
    """The remedy for the plan that misses most; None when all together find enough."""
    if _recall(checked) >= LOWEST_RECALL:
        return None
    recalls_by_plan: dict[Plan, list[float]] = {}
    for sample in checked:
        recalls_by_plan.setdefault(sample.plan, []).append(sample.recall)
    return MEND[min(recalls_by_plan, key=lambda plan: fmean(recalls_by_plan[plan]))]


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 2) if values else None


async def _check(
    settings: Settings, url: str, tenant: str, principals: Sequence[str], samples: int
) -> list[RecallSample]:
    async with open_database(settings, url) as database:
        caller = await command_line_caller(database, tenant, principals)
        viewer = Viewer(principals=caller.principals)
        async with database.system() as system:
            space = await current_space(system)
        if space is None:
            return []
        tenant_id = caller.tenant_id
        memory = settings.search_memory_bytes
        files = SketchFiles(settings.home_path / "sketches") if memory else None
        async with aclosing(SketchCache(database, max_bytes=memory, files=files)) as sketches:
            await sketches.catch_up(tenant_id, space)
            async with database.tenant(tenant_id, viewer=viewer) as scope:
                return await check_recall(
                    scope,
                    sketches,
                    space,
                    samples=samples,
                    limit=settings.retrieval_candidates,
                    seed=SEED,
                )
