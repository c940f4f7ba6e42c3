"""What all evaluation commands share: their options, and what is done with the results."""

import json
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from footnote.commands.eval_command import Measured, evaluation

ran: list[int] = []


@evaluation
def count(*, limit: Annotated[int, typer.Option("--limit")] = 3) -> Measured:
    """Count."""
    ran.append(limit)
    return Measured(
        kind="counting",
        options={"limit": limit},
        results=[],
        show=lambda: typer.echo(f"counted to {limit}"),
    )


@pytest.fixture
def app() -> typer.Typer:
    ran.clear()
    made = typer.Typer()
    made.command()(count)
    return made


def test_a_command_has_its_own_options_and_the_common_ones(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["--limit", "5", "--no-thresholds"])

    assert (shown.exit_code, shown.stdout) == (0, "counted to 5\n")
    assert ran == [5]


def test_json_takes_the_place_of_what_people_are_shown(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["--json", "--no-thresholds"])

    told = json.loads(shown.stdout)
    assert (told["evaluation"], told["options"]) == ("counting", {"limit": 3})


def test_a_wish_that_cannot_be_granted_is_told_before_anything_is_measured(
    app: typer.Typer, tmp_path: Path
) -> None:
    refused = CliRunner().invoke(app, ["--output", str(tmp_path)])

    assert refused.exit_code != 0
    assert "is a folder" in str(refused.exception)
    assert ran == []
