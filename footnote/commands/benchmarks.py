"""`footnote bench`: the benchmarks of `python -m evals.bench`."""

import typer

from evals.bench.__main__ import bench

app = typer.Typer(add_completion=False)
app.command("bench")(bench)
