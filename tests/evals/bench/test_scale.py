"""The questions of the benchmark of growth, and its wait for the indexes."""

from pathlib import Path

import httpx
import pytest

from evals.bench.footnote_process import Instance
from evals.bench.scale import SIZES, build_index, measure_scale, plan_when_ready, questions
from footnote.evals.datasets import Dataset
from footnote.evals.loading import load
from ingest.ingestion import Ingestion
from kb.errors import InvalidInput
from kb.postgres.database import Database
from kb.store.uploads import Uploads
from tests.footnote.evals.small_set import write_small_set


def test_growth_needs_two_sizes(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="more than 10,000 chunks"):
        measure_scale(lambda _: Instance(home=tmp_path, overrides={}), largest=SIZES[0])


def test_questions_are_of_different_chunks() -> None:
    asked = questions(count=30)

    assert len(set(asked)) == 30
    assert all(len(text.split()) == 5 for text in asked)


def test_a_refused_search_is_told() -> None:
    refusing = httpx.MockTransport(lambda _: httpx.Response(503, json={"code": "index_not_ready"}))

    with (
        httpx.Client(base_url="http://service", transport=refusing) as client,
        pytest.raises(httpx.HTTPStatusError, match="503"),
    ):
        plan_when_ready(client, "text")


async def test_an_index_that_exists_took_no_time(
    ingestion: Ingestion, database_url: str, tmp_path: Path
) -> None:
    loaded = await load(
        Dataset(name="small", folder=write_small_set(tmp_path)),
        ingestion,
        Uploads(database=ingestion.database, files=ingestion.files, max_bytes=10**6),
        concurrency=1,
        on_progress=lambda _done, _total: None,
    )
    folder = tmp_path / "lexical"

    built, existing = [
        await build_index(Database(database_url, pool_size=2), folder, loaded.tenant_id)
        for _ in range(2)
    ]

    assert built is not None
    assert existing is None
