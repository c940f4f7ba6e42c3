"""`footnote doctor recall`: what vector search finds of what it should."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from statistics import fmean, median

import typer

from footnote.compose import open_database
from footnote.identity import command_line_caller
from footnote.output import console, print_json
from kb.database import Eyes
from kb.embedded_postgres import database_url
from kb.recall import RecallSample, check_recall
from kb.settings import Settings
from kb.sketches.held import HeldSketches
from kb.spaces import current_space

LOWEST_RECALL = 0.95
"""Below, an index is damaged, or built with too little memory; .99 is usual."""

SEED = 7


def show_recall(tenant: str, principals: Sequence[str], *, samples: int, as_json: bool) -> None:
    """Prints recall and latency; exit 1 below LOWEST_RECALL."""
    settings = Settings()
    limit = settings.retrieval_candidates
    with database_url(settings) as url:
        checked = asyncio.run(_check(settings, url, tenant, principals, samples))
    recall = fmean(sample.recall for sample in checked) if checked else 1.0
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
            }
        )
    else:
        console.print(_sentence(checked, limit, recall))
    if recall < LOWEST_RECALL:
        raise typer.Exit(1)


def _sentence(checked: Sequence[RecallSample], limit: int, recall: float) -> str:
    if not checked:
        return "No vector is visible: nothing to check."
    mark = "[green]ok[/green]  " if recall >= LOWEST_RECALL else "[red]FAIL[/red]"
    plans = ", ".join(sorted({sample.plan for sample in checked}))
    line = (
        f"{mark} recall@{limit} {recall:.3f} over {len(checked)} questions (plan: {plans}), "
        f"p50 {_median([sample.milliseconds for sample in checked])} ms"
    )
    if recall < LOWEST_RECALL:
        line += "\n       Run REINDEX on the space's hnsw index with a large maintenance_work_mem."
    return line


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 2) if values else None


async def _check(
    settings: Settings, url: str, tenant: str, principals: Sequence[str], samples: int
) -> list[RecallSample]:
    async with open_database(settings, url) as database:
        caller = await command_line_caller(database, tenant, principals)
        eyes = Eyes(principals=caller.principals)
        async with database.system() as system:
            space = await current_space(system)
        if space is None:
            return []
        tenant_id = caller.credential.tenant_id
        async with aclosing(
            HeldSketches(database, space, max_bytes=settings.search_memory_bytes)
        ) as sketches:
            await sketches.take_up(tenant_id)
            async with database.tenant(tenant_id, eyes=eyes) as scope:
                return await check_recall(
                    scope,
                    sketches,
                    space,
                    samples=samples,
                    limit=settings.retrieval_candidates,
                    seed=SEED,
                )
