"""`footnote eval proof`: written claims through the real path."""

from pathlib import Path

from footnote.evals.results import read_evaluation
from tests.footnote.processes import run_here


async def test_claims_are_put_and_counted(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "proof.json"

    done = await run_here(
        *("eval", "proof", "--only", "truths", "--kind", "hedge", "--limit", "2"),
        *("--reader", "judge", "--faults", "--output", str(path)),
        environment=environment,
    )

    assert done.exit_code == 0, done.stderr
    assert "scripted" in done.stdout
    (result,) = read_evaluation(path)["results"]
    assert (result["dataset"], result["variant"]) == ("truths", "reader judge")
    assert not result["is_whole"]
    assert result["details"]["cases"] == 2


async def test_an_unknown_kind_is_refused(environment: dict[str, str]) -> None:
    done = await run_here("eval", "proof", "--kind", "colour", environment=environment)

    assert done.exit_code == 1
    assert "'colour'" in done.stderr


async def test_a_grounding_model_has_to_be_configured(environment: dict[str, str]) -> None:
    done = await run_here("eval", "proof", "--reader", "grounding-model", environment=environment)

    assert done.exit_code != 0
    assert "FOOTNOTE_GROUNDING_MODEL" in done.stderr
