"""Pictures of evaluations. Needs matplotlib, which the extra `evals` installs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from footnote.evals.results import Evaluation, Result
from footnote.evals.risk import has_risk, risk_by_coverage

COLOURS = ("#9a9a9a", "#5b8cc4", "#1f3f77", "#c2703d", "#5f9e6e", "#8a5a9e")
"""Of variants, in their order; told apart without colour vision and in grey."""

PANEL_INCHES = (5.0, 0.26)
"""Width of a panel, and height of one bar in it."""

MARGIN_INCHES = 0.9
"""Title, axis and legend."""

DPI = 130


def quality_picture(evaluation: Evaluation) -> bytes:
    """PNG: a panel for each figure, a group of bars for each data set, a bar for each variant."""
    results = evaluation["results"]
    names = list(dict.fromkeys(name for result in results for name in result["figures"]))
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    height = MARGIN_INCHES + PANEL_INCHES[1] * (len(results) + len(_datasets(results)))
    with _figure(PANEL_INCHES[0] * columns, height * rows) as (figure, png):
        grid = figure.subplots(rows, columns, squeeze=False)
        panels = list(grid.flat)
        for panel, name in zip(panels, names, strict=False):
            _draw_bars(panel, results, name)
        for unused in panels[len(names) :]:
            unused.set_visible(False)
        handles, labels = panels[0].get_legend_handles_labels()
        by_label = dict(zip(labels, handles, strict=True))
        figure.legend(
            by_label.values(), by_label.keys(), loc="outside upper center", ncols=len(by_label)
        )
    return png.getvalue()


def latency_picture(evaluation: Evaluation) -> bytes:
    """PNG: for each data set and variant a box from the 25th to the 75th percentile.

    Whiskers reach from the 5th to the 95th; the scale is logarithmic.
    """
    results = evaluation["results"]
    height = MARGIN_INCHES + PANEL_INCHES[1] * len(results)
    with _figure(PANEL_INCHES[0] * 2, height) as (figure, png):
        axes = figure.subplots()
        boxes = axes.boxplot(
            [result["milliseconds"] for result in results],
            orientation="horizontal",
            tick_labels=[f"{result['dataset']}  {result['variant']}" for result in results],
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            widths=0.6,
            medianprops={"color": "black"},
        )
        for box, result in zip(boxes["boxes"], results, strict=True):
            box.set_facecolor(_colour(results, result["variant"]))
            box.set_alpha(0.75)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.invert_yaxis()
        axes.set_xlabel("milliseconds (box: p25 to p75, whiskers: p5 to p95)")
    return png.getvalue()


def curves_picture(
    x: Sequence[float], y_by_name: Mapping[str, Sequence[float]], *, x_label: str, y_label: str
) -> bytes:
    """PNG: a curve for each name over a logarithmic axis."""
    with _figure(PANEL_INCHES[0] * 1.6, PANEL_INCHES[0]) as (figure, png):
        axes = figure.subplots()
        for (name, values), colour in zip(y_by_name.items(), cycle(COLOURS), strict=False):
            axes.plot(x, values, marker="o", label=name.replace("_", " "), color=colour)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.legend(loc="upper left")
    return png.getvalue()


def risk_picture(evaluation: Evaluation) -> bytes:
    """PNG: for each result with probabilities, the risk of answering that share of the questions.

    ValueError when there is none.
    """
    results = [result for result in evaluation["results"] if has_risk(result)]
    if not results:
        raise ValueError("No result has probabilities.")
    with _figure(PANEL_INCHES[0] * 2, PANEL_INCHES[0]) as (figure, png):
        axes = figure.subplots()
        for result, colour in zip(results, cycle(COLOURS)):
            scores = result["scores"]
            curve = risk_by_coverage(scores["probability"], scores["has_answer"])
            axes.plot(
                [coverage for coverage, _ in curve],
                [risk for _, risk in curve],
                color=colour,
                label=f"{result['dataset']} {result['variant']}",
            )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 0.6)
        axes.set_xlabel("coverage: share of the questions answered, the most probable first")
        axes.set_ylabel("risk: share of these without an answer")
        axes.legend(loc="upper left")
    return png.getvalue()


def _draw_bars(panel: Axes, results: Sequence[Result], figure_name: str) -> None:
    """Data sets from top to bottom, a gap of one bar between them."""
    place, ticks = 0.0, []
    for dataset in _datasets(results):
        group = [
            each
            for each in results
            if each["dataset"] == dataset and figure_name in each["figures"]
        ]
        for offset, result in enumerate(group):
            value = result["figures"][figure_name]
            panel.barh(
                place + offset,
                value,
                height=0.85,
                color=_colour(results, result["variant"]),
                label=result["variant"],
            )
            panel.text(value, place + offset, f" {value:.3f}", va="center", fontsize=7)
        ticks.append((place + (len(group) - 1) / 2, dataset))
        place += len(group) + 1
    panel.set_yticks([at for at, _ in ticks], [name for _, name in ticks])
    panel.grid(visible=False, axis="y")
    panel.invert_yaxis()
    panel.set_xlim(0, max(1.08, panel.get_xlim()[1]))
    panel.set_title(figure_name, loc="left")


def _datasets(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result["dataset"] for result in results))


def _colour(results: Sequence[Result], variant: str) -> str:
    variants = list(dict.fromkeys(result["variant"] for result in results))
    return COLOURS[variants.index(variant) % len(COLOURS)]


@contextmanager
def _figure(width_inches: float, height_inches: float) -> Iterator[tuple[Figure, BytesIO]]:
    """A figure without a window, and its PNG once the block has drawn it.

    pyplot would keep the figure and ask for a display.
    """
    with mpl.rc_context(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e4e4e4",
            "legend.frameon": False,
        }
    ):
        figure = Figure(figsize=(width_inches, height_inches), dpi=DPI, layout="constrained")
        png = BytesIO()
        yield figure, png
        # Without its version in the file, the same numbers give the same picture.
        figure.savefig(png, format="png", metadata={"Software": None})
