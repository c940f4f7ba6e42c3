"""The peers' results as one table of text."""

from collections.abc import Iterable, Sequence

from footnote.evals.results import Result

HEADINGS = ("data set", "contender", "nDCG@10", "p", "recall@20", "index s", "p50 ms", "p95 ms")
LEFT = 2
"""Columns of words; the numbers after them stand to the right."""


def table(results: Iterable[Result]) -> str:
    """A line for each result under one of headings; `p` is against Footnote's own line."""
    rows = [HEADINGS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(result: Result) -> tuple[str, ...]:
    details = result["details"]
    return (
        result["dataset"],
        result["variant"],
        f"{result['figures']['ndcg@10']:.4f}",
        f"{details['ndcg_p_value_against_footnote']:.4f}",
        f"{result['figures']['recall@20']:.4f}",
        f"{details['index_seconds']:.1f}",
        f"{result['latency_ms']['p50']:.1f}",
        f"{result['latency_ms']['p95']:.1f}",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(row[:LEFT], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(row[LEFT:], widths[LEFT:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()
