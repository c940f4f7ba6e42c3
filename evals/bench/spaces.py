"""Search latency while workers fill another embedding space, over that when idle."""

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, takewhile
from pathlib import Path
from time import perf_counter

from evals.bench.beside import IDLE, MOST_QUERIES, WARM_UP, search_all
from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.search import queries_from
from evals.bench.upload import upload_all
from footnote.evals.datasets import Dataset
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.store.space_changes import SpaceState, describe_spaces
from models.embedding import model_path

SEED = 19
LOOK_EVERY_SECONDS = 0.5
FILL_TIMEOUT_SECONDS = 600
TARGET_P95_RATIO = 3.0


def measure_spaces(instance: Instance, dataset: Dataset, *, pages: int) -> Outcome:
    """Fills the home with the pages, then a space of the same model under another revision.

    BenchmarkFailed in a home that has the space already.
    """
    documents = dataset.documents()
    stored = documents[:pages]
    texts = iter(queries_from(documents, count=WARM_UP + 2 * IDLE + MOST_QUERIES, seed=SEED))
    model = _other_revision(instance)
    with (
        running(instance) as footnote,
        footnote.client() as client,
        database_url(instance.settings) as url,
    ):
        upload_all(client, stored)
        search_all(client, islice(texts, WARM_UP))
        idle = search_all(client, islice(texts, IDLE))
        with ThreadPoolExecutor(1) as thread:
            # Its command exports the model, which is not what is measured.
            created = footnote.run("space", "create", "--model", str(model))
            started = perf_counter()
            filling = thread.submit(asyncio.run, _filled(url, str(created["name"])))
            beside = search_all(client, takewhile(lambda _: not filling.done(), texts))
            state = filling.result()
            fill_seconds = perf_counter() - started
        activating = perf_counter()
        footnote.run("space", "activate", str(created["name"]))
        activate_seconds = perf_counter() - activating
        after = search_all(client, islice(texts, IDLE))
    if len(beside) < WARM_UP:
        raise BenchmarkFailed(
            f"Only {len(beside)} searches ran beside the backfill: use a fresh home, more pages."
        )
    ratios = {
        percentile: round(spread(beside)[percentile] / spread(idle)[percentile], 3)
        for percentile in ("p50", "p95")
    }
    return Outcome(
        question="p95 of a search while another embedding space is filled, over p95 when idle",
        target=f"ratio <= {TARGET_P95_RATIO:g}",
        has_met_target=ratios["p95"] <= TARGET_P95_RATIO,
        numbers={
            "p50_ratio": ratios["p50"],
            "p95_ratio": ratios["p95"],
            "idle_milliseconds": spread(idle),
            "beside_milliseconds": spread(beside),
            "activated_milliseconds": spread(after),
            "backfill_chunks": state.rows,
            "backfill_seconds": round(fill_seconds, 1),
            "backfill_chunks_per_second": round(state.rows / fill_seconds, 1),
            "activate_command_seconds": round(activate_seconds, 2),
        },
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
    )


def _other_revision(instance: Instance) -> Path:
    """A folder with the configured model, under another revision."""
    folder = instance.home / "other-revision"
    if not folder.exists():
        shutil.copytree(model_path(instance.settings.embedding_model), folder)
        (folder / "revision.bin").write_bytes(b"2")
    return folder


async def _filled(url: str, name: str) -> SpaceState:
    """The space once it has every chunk."""
    database = Database(url, pool_size=1)
    try:
        async with asyncio.timeout(FILL_TIMEOUT_SECONDS):
            while True:
                states = {each.stored.space.name: each for each in await describe_spaces(database)}
                if states[name].rows and not states[name].missing:
                    return states[name]
                await asyncio.sleep(LOOK_EVERY_SECONDS)
    finally:
        await database.close()
