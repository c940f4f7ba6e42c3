"""A probe that finds something fails, and says so in the results, the table and the exit status."""

import json
from pathlib import Path

import pytest
import typer
from typing_extensions import override

from evals.attack import __main__ as suite
from evals.attack.finding import Finding, judge
from evals.attack.record import Record, table, write
from evals.attack.target import Target
from evals.bench.footnote_process import BenchmarkFailed
from footnote.evals.provenance import provenance
from kb.settings import Settings


def record_of(*, has_held: bool | None) -> Record:
    finding = Finding(limit="x <= 1", has_held=has_held, figures={"x": 2, "none": []})
    return Record(family="headers", probe="huge_header", finding=finding, seconds=1.0)


@pytest.mark.parametrize(("measured", "has_held"), [(1.0, True), (1.01, False)])
def test_a_figure_over_its_limit_fails(measured: float, *, has_held: bool) -> None:
    finding = judge({"seconds": measured}, {"seconds": 1.0})

    assert finding.has_held == has_held


def test_a_fault_fails_whatever_the_figures_are() -> None:
    finding = judge({"seconds": 0}, {"seconds": 1}, faults=["lost"])

    assert finding.has_held is False
    assert finding.figures["faults"] == ["lost"]


def test_a_limit_on_what_was_not_measured_is_an_error() -> None:
    with pytest.raises(KeyError):
        judge({}, {"seconds": 1})


@pytest.mark.parametrize(
    ("has_held", "verdict"), [(True, "PASS"), (False, "FAIL"), (None, "known")]
)
def test_the_table_shows_the_verdict(
    tmp_path: Path, *, has_held: bool | None, verdict: str
) -> None:
    path = tmp_path / "attack.json"
    write(path, [record_of(has_held=has_held)], provenance(Settings()), seed=8, minutes=10)

    rows = table(path).splitlines()

    assert rows[-1] == f"| headers: huge header | x <= 1 | x 2 | {verdict} |"
    assert json.loads(path.read_text())["probes"][0]["figures"] == {"x": 2, "none": []}


def test_a_service_that_breaks_a_probe_fails_it(tmp_path: Path) -> None:
    def breaking(_target: Target) -> Finding:
        """Never comes to a finding."""
        raise BenchmarkFailed("gone")

    class Standing(Target):
        @override
        def ensure_up(self) -> None:
            """Nothing has to run for this."""

    target = Standing(tmp_path, minutes=1, evaldata=tmp_path)

    record = suite.run_probe("headers", breaking, target)

    assert record.verdict == "FAIL"


def test_a_name_that_is_no_probe_is_refused() -> None:
    with pytest.raises(typer.BadParameter):
        suite.selected(["header"])


def test_a_family_selects_its_probes_only() -> None:
    chosen = suite.selected(["soak", "huge_header"])

    assert [probe.__name__ for _, probe in chosen] == ["huge_header", "mixed_clients"]


def test_every_probe_says_what_must_hold() -> None:
    everything = suite.selected([])

    assert all(suite.summary(probe) for _, probe in everything)
    assert len({probe.__name__ for _, probe in everything}) == len(everything)
