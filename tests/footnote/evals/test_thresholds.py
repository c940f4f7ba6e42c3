"""Floors: what passes, what fails, and what has none."""

from pathlib import Path

import pytest

from footnote.evals.results import Result
from footnote.evals.thresholds import PACKAGED, judge, read_floors
from kb.errors import Misconfigured
from tests.footnote.evals.small_set import evaluation_of, result_of

FLOORS = {"retrieval": {"small": {"hybrid": {"mrr@10": 0.75}}}}


def test_a_figure_at_its_floor_passes() -> None:
    [verdict] = judge(evaluation_of(result_of({"mrr@10": [0.5, 1.0]})), FLOORS)

    assert verdict.is_met
    assert str(verdict) == "small hybrid mrr@10 0.7500 >= 0.75"


def test_a_figure_below_its_floor_fails() -> None:
    [verdict] = judge(evaluation_of(result_of({"mrr@10": [0.49, 1.0]})), FLOORS)

    assert not verdict.is_met
    assert str(verdict) == "small hybrid mrr@10 0.7450 < 0.75"


def part() -> Result:
    return {**result_of({"mrr@10": [0.0]}), "is_whole": False}


def one_split() -> Result:
    return {**result_of({"mrr@10": [0.0]}), "split": "talk"}


@pytest.mark.parametrize(
    "result",
    [
        part(),
        one_split(),
        result_of({"mrr@10": [0.0]}, variant="lexical"),
        result_of({"mrr@10": [0.0]}, dataset="other"),
    ],
    ids=["part of a set", "one split", "other variant", "other set"],
)
def test_what_has_no_floor_is_not_judged(result: Result) -> None:
    assert judge(evaluation_of(result), FLOORS) == []


def test_a_floor_of_an_unknown_figure_is_told() -> None:
    with pytest.raises(Misconfigured, match="names 'mrr@10'"):
        judge(evaluation_of(result_of({"recall@5": [1.0]})), FLOORS)


@pytest.mark.parametrize("text", ["not toml", "[retrieval]\nsmall = 1", '[a.b.c]\nd = "high"'])
def test_a_file_without_floors_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"'floors\.toml' holds no floors"):
        read_floors(path)


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds no floors"):
        read_floors(tmp_path / "absent.toml")


def test_plain_convex_fusion_does_not_pass_the_packaged_floors() -> None:
    floors = read_floors(PACKAGED)["retrieval"]

    assert floors["squad2"]["hybrid"]["ndcg@10"] > 0.9253
    assert floors["mtrag_un"]["hybrid"]["ndcg@10"] > 0.8160


def test_the_packaged_floors_are_shares() -> None:
    floors = read_floors(PACKAGED)

    values = [
        value
        for datasets in floors.values()
        for variants in datasets.values()
        for figures in variants.values()
        for value in figures.values()
    ]
    assert values
    assert all(0 < value <= 1 for value in values)
