"""`footnote eval everyday`: from the sample documents to a table of how answers came out."""

from pathlib import Path

from footnote.evals.results import read_evaluation
from tests.footnote.processes import run_here


async def test_one_kind_of_one_set_is_asked_and_shown(
    environment: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "run.json"

    asked = await run_here(
        *("eval", "everyday", "--set", "first", "--kind", "permission"),
        *("--show", "all", "--output", str(output)),
        environment=environment,
    )

    assert asked.exit_code == 0, asked.stderr
    whole, permission = read_evaluation(output)["results"]
    assert whole["question_ids"] == permission["question_ids"]
    assert len(whole["question_ids"]) == 14
    assert (whole["dataset"], whole["is_whole"]) == ("first", False)
    assert "permission-04 (everybody): What is the pager number" in asked.stdout
    # The small model of the tests finds less, and shows nobody what is not his.
    told = asked.stdout.split("\n\n")
    assert not [each for each in told if "(everybody)" in each and "7719" in each]


async def test_a_kind_that_there_is_not_is_told(environment: dict[str, str]) -> None:
    asked = await run_here("eval", "everyday", "--kind", "riddle", environment=environment)

    assert asked.exit_code != 0
    assert "'riddle'" in asked.stderr
