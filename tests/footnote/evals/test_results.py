"""Stored evaluations."""

from pathlib import Path

import pytest

from footnote.evals.results import (
    Evaluation,
    mean_scores,
    mean_scores_by_split,
    read_evaluation,
    summary,
    write_evaluation,
)
from kb.errors import InvalidInput
from tests.footnote.evals.small_set import evaluation_of, result_of

SOUND = result_of({"mrr@10": [0.5, 1.0]})


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    evaluation = evaluation_of(result_of({"mrr@10": [0.5, 1.0]}))
    path = tmp_path / "new folder" / "run.json"

    write_evaluation(evaluation, path)

    assert read_evaluation(path) == evaluation


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}'])
def test_what_is_no_evaluation_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidInput, match="holds no evaluation"):
        read_evaluation(path)


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no evaluation"):
        read_evaluation(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("evaluation", "told"),
    [
        (evaluation_of(), "it has no figures"),
        (evaluation_of({**SOUND, "figures": {}}), "it has no figures"),
        (evaluation_of({**SOUND, "question_ids": [], "scores": {}}), "0 has no questions"),
        (
            evaluation_of(SOUND, {**SOUND, "scores": {"mrr@10": [1.0]}}),
            r"results\.1 has 1 numbers for 2 questions",
        ),
        (evaluation_of({**SOUND, "milliseconds": [1.0]}), "has 1 numbers for 2 questions"),
        (
            evaluation_of({**SOUND, "scores": {"mrr@10": [0.5, float("nan")]}}),
            r"results\.0\.scores\.mrr@10\.1: Input should be a finite number",
        ),
    ],
)
def test_an_evaluation_of_nothing_is_told(
    evaluation: Evaluation, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    write_evaluation(evaluation, path)

    with pytest.raises(InvalidInput, match=f"holds no evaluation: .*{told}"):
        read_evaluation(path)


def test_means_are_of_all_questions_and_of_each_split() -> None:
    scores = {"mrr@10": [1.0, 0.5, 0.0, 0.0]}

    assert mean_scores(scores) == {"mrr@10": 0.375}
    assert mean_scores_by_split(scores, ["en", "de", "en", "de"]) == {
        "de": {"mrr@10": 0.25},
        "en": {"mrr@10": 0.5},
    }


def test_a_set_of_one_part_has_no_parts() -> None:
    assert mean_scores_by_split({"mrr@10": [1.0, 0.0]}, ["en", "en"]) == {}
    assert mean_scores_by_split({"mrr@10": [1.0, 0.0]}, [None, None]) == {}


def test_the_summary_leaves_single_questions_out() -> None:
    evaluation = evaluation_of(result_of({"mrr@10": [0.5, 1.0]}))

    shortened = summary(evaluation)

    results = shortened["results"]
    assert isinstance(results, list)
    assert results[0]["figures"] == {"mrr@10": 0.75}
    assert not {"scores", "question_ids", "milliseconds"} & set(results[0])
    assert shortened["provenance"] == evaluation["provenance"]
