"""`footnote doctor`: what runs, what is missing, and how to mend it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from footnote.checks.stored import AFTER_THE_SCHEMA
from footnote.commands.recall import mend
from footnote.compose import warn_of_unfitted_floor
from kb.index.recall import RecallSample
from kb.index.vector_search import Plan
from kb.postgres.database import EVERYONE, Database
from kb.store.spaces import Space, SpaceTuning, StoredSpace, ensure_space
from migrations.run import upgrade
from models.export import MANIFEST_FILE
from tests.architecture.databases import empty_database, with_database
from tests.footnote.processes import run_here
from tests.tenancy.rows import BulkRows, insert_rows

NOBODY_LISTENS = "postgresql://127.0.0.1:1/none"
SPACE = Space(name="alike", model="test", revision="1", dimension=8)


async def test_doctor_says_what_runs(environment: dict[str, str]) -> None:
    result = await run_here("doctor", "--json", environment=environment)

    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert all(check["ok"] for check in report["checks"])
    detail_by_name = {check["name"]: check["detail"] for check in report["checks"]}
    assert "openvino" in detail_by_name["embedding"]
    assert detail_by_name["evidence floor"] == "fitted with all-MiniLM-L6-v2"
    assert detail_by_name["database"] == "configured, can be reached"
    assert detail_by_name["parser"].endswith("reads a sample")
    assert detail_by_name["row security"].startswith("forced on every table of a tenant")


async def test_doctor_names_what_is_wrong_and_how_to_mend_it(environment: dict[str, str]) -> None:
    without_database = {**environment, "FOOTNOTE_DATABASE_URL": NOBODY_LISTENS}

    result = await run_here("doctor", "--json", environment=without_database)
    for_people = await run_here("doctor", environment=without_database)

    assert result.exit_code == for_people.exit_code == 1
    report = json.loads(result.stdout)
    assert report["ok"] is False
    [fault] = [check for check in report["checks"] if check["status"] == "failed"]
    assert fault["name"] == "database"
    assert "FOOTNOTE_DATABASE_URL" in fault["mend"]
    not_made = [check for check in report["checks"] if check["status"] == "skipped"]
    assert [check["name"] for check in not_made] == ["pgvector", "schema", *AFTER_THE_SCHEMA]
    assert {(check["ok"], check["detail"]) for check in not_made} == {
        (None, "not without a database")
    }
    assert "FAIL database" in for_people.stdout
    assert "skip worker: not without a database" in for_people.stdout


async def test_doctor_tells_what_others_may_read_and_how_to_mend_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    home, store = tmp_path / "home", tmp_path / "a store"
    for folder in (home / "lexical", store):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    (store / "one").write_text("secret")
    (store / "one").chmod(0o640)
    elsewhere = {
        **environment,
        "FOOTNOTE_HOME": str(home),
        "FOOTNOTE_FILE_STORE_URL": f"file://{store}",
    }

    before = await run_here("doctor", "--json", environment=elsewhere)
    for folder in (home / "lexical", store):
        folder.chmod(0o700)
    (store / "one").chmod(0o600)
    after = await run_here("doctor", "--json", environment=elsewhere)

    def found(report: str) -> dict[str, object]:
        checks = json.loads(report)["checks"]
        [check] = [check for check in checks if check["name"] == "home permissions"]
        return dict(check)

    assert found(before.stdout) == {
        "name": "home permissions",
        "status": "failed",
        "ok": False,
        "detail": "3 files and folders are open to others",
        "mend": f"Run 'chmod -R go-rwx {home} '{store}''.",
    }
    assert found(after.stdout)["ok"] is True


async def test_doctor_sees_models_that_are_not_whole_and_a_bare_database(
    environment: dict[str, str], tmp_path: Path
) -> None:
    home, model = tmp_path / "home", tmp_path / "model"
    export = home / "models" / "half"
    for folder in (model, export):
        folder.mkdir(mode=0o700, parents=True)
    (model / "config.json").write_text("{}")
    (export / MANIFEST_FILE).write_text("{")
    url = with_database(environment["FOOTNOTE_DATABASE_URL"], "template1")
    broken = {
        "FOOTNOTE_HOME": str(home),
        "FOOTNOTE_EMBEDDING_MODEL": str(model),
        "FOOTNOTE_DATABASE_URL": url,
    }

    result = await run_here("doctor", "--json", environment=broken)

    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert checks["model files"]["status"] == checks["model export"]["status"] == "failed"
    assert "tokenizer.json" in checks["model files"]["detail"]
    assert str(export) in checks["model export"]["mend"]
    assert checks["schema"]["status"] == "failed"
    assert checks["worker"]["status"] == checks["api"]["status"] == "skipped"


async def test_doctor_sees_half_a_language_model(environment: dict[str, str]) -> None:
    half = {**environment, "FOOTNOTE_LLM_MODEL": "some-model", "FOOTNOTE_LLM_BASE_URL": ""}

    result = await run_here("doctor", "--json", environment=half)

    faults = [
        check["name"] for check in json.loads(result.stdout)["checks"] if check["ok"] is False
    ]
    assert result.exit_code == 1
    assert faults == ["language model"]


async def test_doctor_warns_of_an_evidence_floor_of_another_model(
    elsewhere: dict[str, str],
) -> None:
    database = Database(elsewhere["FOOTNOTE_DATABASE_URL"], pool_size=1)
    await ensure_space(database, SPACE)
    await database.close()

    report = json.loads((await run_here("doctor", "--json", environment=elsewhere)).stdout)

    (floor,) = [check for check in report["checks"] if check["name"] == "evidence floor"]
    assert floor["ok"] is True
    assert floor["detail"] == "WARNING: fitted with all-MiniLM-L6-v2, not with test"
    assert "footnote eval abstention --fit" in floor["mend"]


def stored(model: str, evidence_floor: float | None = None) -> StoredSpace:
    return StoredSpace(
        space=Space(name="a_space", model=model, revision="1", dimension=8),
        is_current=True,
        is_dropped=False,
        tuning=SpaceTuning(evidence_floor=evidence_floor),
        created_at=datetime.now(UTC),
    )


def test_start_warns_of_it_too(every_level_is_logged: None) -> None:
    with capture_logs() as logs:
        warn_of_unfitted_floor(stored("all-MiniLM-L6-v2"))
        warn_of_unfitted_floor(stored("other-model", evidence_floor=0.4))
        warn_of_unfitted_floor(stored("other-model"))

    (warning,) = logs
    assert warning["event"] == "evidence_floor.not_fitted"
    assert warning["log_level"] == "warning"
    assert (warning["embedding_model"], warning["fitted_with"]) == (
        "other-model",
        "all-MiniLM-L6-v2",
    )


async def test_doctor_measures_recall_of_what_a_tenant_holds(environment: dict[str, str]) -> None:
    made = await run_here("tenant", "create", "measured", environment=environment)
    result = await run_here(
        *("doctor", "recall", "--tenant", "measured", "--json"), environment=environment
    )

    assert (made.exit_code, result.exit_code) == (0, 0)
    report = json.loads(result.stdout)
    assert (report["ok"], report["samples"]) == (True, 0)


@pytest.fixture
def elsewhere(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Lets a command work on an empty database."""
    with empty_database(environment["FOOTNOTE_DATABASE_URL"]) as url:
        upgrade(url)
        yield {
            **environment,
            "FOOTNOTE_DATABASE_URL": url,
            "FOOTNOTE_RETRIEVAL_CANDIDATES": "10",
        }


@pytest.fixture
async def too_alike(elsewhere: dict[str, str]) -> BulkRows:
    """400 vectors that differ by less than the steps of a sketch, a 127th of the largest number."""
    url = elsewhere["FOOTNOTE_DATABASE_URL"]
    database = Database(url, pool_size=1)
    await ensure_space(database, SPACE)
    await database.close()
    vectors = np.random.default_rng(4).uniform(0.001, 0.003, (400, SPACE.dimension))
    vectors[:, 0] = 1
    return insert_rows(url, SPACE, vectors.astype(np.float32), [[EVERYONE]] * 400, document_count=4)


async def test_doctor_says_what_to_do_about_the_plan_that_misses(
    elsewhere: dict[str, str], too_alike: BulkRows
) -> None:
    recall = ("doctor", "recall", "--tenant", str(too_alike.tenant_id), "--samples", "5")
    by_postgres = {**elsewhere, "FOOTNOTE_SEARCH_MEMORY_BYTES": "0"}

    result = await run_here(*recall, "--json", environment=elsewhere)
    for_people = await run_here(*recall, environment=elsewhere)
    without_sketches = await run_here(*recall, "--json", environment=by_postgres)

    assert (result.exit_code, for_people.exit_code) == (1, 1)
    report = json.loads(result.stdout)
    assert (report["ok"], report["plans"]) == (False, {"shortlist": 5})
    assert "REINDEX" not in report["mend"]
    assert "FOOTNOTE_SEARCH_MEMORY_BYTES=0" in report["mend"]
    assert "FAIL recall@10" in for_people.stdout
    assert "FOOTNOTE_SEARCH_MEMORY_BYTES=0" in for_people.stdout
    # As it was advised.
    assert without_sketches.exit_code == 0
    mended = json.loads(without_sketches.stdout)
    assert (mended["plans"], mended["mend"]) == ({"exact": 5}, None)


@pytest.mark.parametrize(
    ("recalls", "words"),
    [
        ({}, None),
        ({"hnsw": 0.95, "signs": 1.0}, None),
        ({"hnsw": 0.8, "shortlist": 0.99}, "REINDEX on the space's _hnsw index"),
        ({"hnsw": 0.99, "signs": 0.8}, "REINDEX on the space's _audience index"),
        ({"hnsw": 0.99, "shortlist": 0.8}, "FOOTNOTE_SEARCH_MEMORY_BYTES=0"),
        ({"exact": 0.8}, "again"),
    ],
)
def test_the_advice_is_about_the_plan_that_misses(
    recalls: dict[Plan, float], words: str | None
) -> None:
    checked = [
        RecallSample(recall=recall, plan=plan, milliseconds=1.0, exact_milliseconds=1.0)
        for plan, recall in recalls.items()
    ]

    advice = mend(checked)

    if words is None:
        assert advice is None
    else:
        assert advice is not None
        assert words in advice
        assert len(advice.splitlines()) == 1


async def test_doctor_must_know_whose_recall_to_measure(environment: dict[str, str]) -> None:
    result = await run_here("doctor", "recall", environment=environment)

    assert result.exit_code == 2
    assert "--tenant" in result.stderr
