"""`footnote eval compare` and `report`: what is done with stored runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from footnote.commands.eval_command import draw, require_writable
from footnote.evals.results import read_evaluation
from footnote.evals.significance import Comparison, VariantPair, compare
from footnote.extras import DRAWING, require_packages
from footnote.output import JsonOption, print_json, table_console
from kb.errors import InvalidInput


def compare_runs(
    first: Annotated[Path, typer.Argument(help="JSON file that --output wrote.")],
    second: Annotated[Path, typer.Argument(help="Another one, or the same.")],
    variant: Annotated[
        str | None, typer.Option(help="Of the first, compared with --against of the second.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Unset: equal variants.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether two runs on the same questions differ by more than chance.

    The difference is second minus first, with its 95 % interval and the p-value of a paired
    randomisation test.
    """
    if (variant is None) != (against is None):
        raise InvalidInput("--variant and --against need each other.")
    pair = VariantPair(first=variant, second=against) if variant and against else None
    comparisons = compare(read_evaluation(first), read_evaluation(second), pair)
    if as_json:
        print_json(comparisons)
    else:
        table_console.print(_comparison_table(comparisons))


def report_run(
    run: Annotated[Path, typer.Argument(help="JSON file that --output wrote.")],
    page: Annotated[Path, typer.Argument(help="HTML file to write; its pictures beside it.")],
) -> None:
    """Draw a stored run as one self-contained page."""
    require_packages(DRAWING, purpose="reports")
    require_writable(page)
    draw(read_evaluation(run), [], page)


def _comparison_table(comparisons: Sequence[Comparison]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("data set", "variant", "measure"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "first", "second", "difference", "95 % interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in comparisons:
        table.add_row(
            each["dataset"],
            each["variant"],
            each["measure"],
            str(each["n"]),
            f"{each['first']:.4f}",
            f"{each['second']:.4f}",
            f"{each['difference']:+.4f}",
            f"{each['low']:+.4f} to {each['high']:+.4f}",
            f"{each['p_value']:.4f}",
        )
    return table
