"""`footnote doctor`: what runs, what is missing, and how to mend it."""

import json

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
