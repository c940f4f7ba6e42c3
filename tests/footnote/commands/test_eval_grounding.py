"""`footnote eval grounding`: a file to compare, and floors that fail the run."""

import gzip
import json
from pathlib import Path

import pytest

from footnote.evals.results import read_evaluation
from tests.footnote.processes import run_here

TEXT = "Ana Ruiz met Bo Lind in Paris on 3 May 2020. The tower is 300 metres high and was not sold."
CLAIMS = {
    "The tower is 300 metres high.": "supported",
    "Ana Ruiz met Bo Lind in Paris on 3 May 2020.": "supported",
    "The tower is 412 metres high.": "unsupported",
    "Whales are mammals.": "unsupported",
}


@pytest.fixture
def with_claims(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A tiny set called `towers`."""
    lines = [
        {"id": str(number), "context": TEXT, "claim": claim, "label": label}
        for number, (claim, label) in enumerate(CLAIMS.items())
    ]
    (tmp_path / "towers").mkdir()
    with gzip.open(tmp_path / "towers" / "grounding.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return {**environment, "FOOTNOTE_EVALDATA": str(tmp_path)}


async def test_each_claim_is_in_the_file(with_claims: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "grounding.json"

    done = await run_here(
        *("eval", "grounding", "--dataset", "towers", "--output", str(path)),
        environment=with_claims,
    )

    assert done.exit_code == 0, done.stderr
    assert "AUROC" in done.stdout
    run = read_evaluation(path)
    (towers,) = run["results"]
    assert (run["evaluation"], towers["dataset"], towers["variant"]) == (
        "grounding",
        "towers",
        "balanced",
    )
    assert sorted(towers["question_ids"]) == [f"towers {number}" for number in range(4)]
    assert towers["scores"]["right"] == [1.0] * 4
    assert towers["figures"]["auroc"] == 1
    assert towers["figures"]["kept"] == 1


async def test_a_figure_below_its_floor_fails_the_run(
    with_claims: dict[str, str], tmp_path: Path
) -> None:
    floors = tmp_path / "floors.toml"
    floors.write_text("[grounding.towers.balanced]\nauroc = 1.1\n", encoding="utf-8")

    done = await run_here(
        *("eval", "grounding", "--dataset", "towers", "--thresholds", str(floors)),
        environment=with_claims,
    )

    assert done.exit_code == 1
    assert "towers balanced auroc 1.0000 < 1.1" in done.stderr
