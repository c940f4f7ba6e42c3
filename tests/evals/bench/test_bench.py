"""The options of `python -m evals.bench`."""

from pathlib import Path

import pytest
import typer

from evals.bench.ingest import PAGES
from evals.bench.plan import Plan, overrides_of
from evals.bench.suite import MEASURE_BY_NAME, Name


def plan(
    *,
    overrides: dict[str, str] | None = None,
    runs: int | None = None,
    pages: int = PAGES,
    limit: int | None = None,
) -> Plan:
    return Plan(
        folder=Path(),
        evaldata=Path(),
        overrides=overrides or {},
        runs=runs,
        pages=pages,
        limit=limit,
    )


def test_settings_are_given_by_name() -> None:
    given = overrides_of(["worker_concurrency=8", "llm_base_url=http://localhost/v1?a=b"])

    assert given == {"worker_concurrency": "8", "llm_base_url": "http://localhost/v1?a=b"}


@pytest.mark.parametrize("pair", ["foo", "worker_concurency=8", "=8", "home=/elsewhere"])
def test_what_is_no_setting_is_told(pair: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no NAME=VALUE"):
        overrides_of([pair])


def test_a_value_that_a_setting_cannot_have_is_told() -> None:
    with pytest.raises(typer.BadParameter, match="worker_concurrency: Input should be"):
        overrides_of(["worker_concurrency=many"])


@pytest.mark.parametrize(
    "part",
    [plan(limit=10), plan(pages=PAGES - 1), plan(runs=2), plan(overrides={"api_host": "::1"})],
    ids=["limit", "pages", "runs", "setting"],
)
def test_a_choice_is_not_the_whole(part: Plan) -> None:
    assert not part.is_whole
    assert plan().is_whole


def test_every_name_is_measured() -> None:
    assert set(Name) - {Name.ALL} == set(MEASURE_BY_NAME)
