"""`footnote doctor`: what runs, what is missing, and how to mend it."""

import json
from pathlib import Path

from structlog.testing import capture_logs

from footnote.compose import warn_of_unfitted_floor
from tests.footnote.processes import run_here

NOBODY_LISTENS = "postgresql://127.0.0.1:1/none"


async def test_doctor_says_what_runs(environment: dict[str, str]) -> None:
    result = await run_here("doctor", "--json", environment=environment)

    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert all(check["ok"] for check in report["checks"])
    detail_by_name = {check["name"]: check["detail"] for check in report["checks"]}
    assert "openvino" in detail_by_name["embedding"]
    assert detail_by_name["evidence floor"] == "fitted with all-MiniLM-L6-v2"
    assert detail_by_name["database"] == "configured, row security enforced"


async def test_doctor_names_what_is_wrong_and_how_to_mend_it(environment: dict[str, str]) -> None:
    without_database = {**environment, "FOOTNOTE_DATABASE_URL": NOBODY_LISTENS}

    result = await run_here("doctor", "--json", environment=without_database)
    for_people = await run_here("doctor", environment=without_database)

    assert result.exit_code == for_people.exit_code == 1
    report = json.loads(result.stdout)
    assert report["ok"] is False
    [fault] = [check for check in report["checks"] if not check["ok"]]
    assert fault["name"] == "database"
    assert "FOOTNOTE_DATABASE_URL" in fault["mend"]
    assert "FAIL database" in for_people.stdout


async def test_doctor_sees_half_a_language_model(environment: dict[str, str]) -> None:
    half = {**environment, "FOOTNOTE_LLM_MODEL": "some-model", "FOOTNOTE_LLM_BASE_URL": ""}

    result = await run_here("doctor", "--json", environment=half)

    faults = [check["name"] for check in json.loads(result.stdout)["checks"] if not check["ok"]]
    assert result.exit_code == 1
    assert faults == ["language model"]


async def test_doctor_warns_of_an_evidence_floor_of_another_model(
    environment: dict[str, str], tmp_path: Path
) -> None:
    other = {**environment, "FOOTNOTE_EMBEDDING_MODEL": str(tmp_path)}

    report = json.loads((await run_here("doctor", "--json", environment=other)).stdout)

    (floor,) = [check for check in report["checks"] if check["name"] == "evidence floor"]
    assert floor["ok"] is True
    assert floor["detail"] == f"WARNING: fitted with all-MiniLM-L6-v2, not with {tmp_path}"
    assert "footnote eval abstention --fit" in floor["mend"]


def test_start_warns_of_it_too(every_level_is_logged: None) -> None:
    with capture_logs() as logs:
        warn_of_unfitted_floor("all-MiniLM-L6-v2")
        warn_of_unfitted_floor("other-model")

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


async def test_doctor_must_know_whose_recall_to_measure(environment: dict[str, str]) -> None:
    result = await run_here("doctor", "recall", environment=environment)

    assert result.exit_code == 2
    assert "--tenant" in result.stderr
