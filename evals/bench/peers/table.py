"""The peers' results as one table of text."""

from collections.abc import Iterable

from footnote.evals.results import Result

HEADINGS = ("data set", "contender", "nDCG@10", "p", "recall@20", "index s", "p50 ms", "p95 ms")
LEFT = 2
"""Columns of words; the numbers after them stand to the right."""


def table(results: Iterable[Result]) -> str:
    """A line for each result under one of headings; `p` is against Footnote's own line."""
    rows = [HEADINGS]
    for result in results:
        details, figures, latency = result["details"], result["figures"], result["latency_ms"]
        row = (
            result["dataset"],
            result["variant"],
            f"{figures['ndcg@10']:.4f}",
            f"{details['ndcg_p_value_against_footnote']:.4f}",
            f"{figures['recall@20']:.4f}",
            f"{details['index_seconds']:.1f}",
            f"{latency['p50']:.1f}",
            f"{latency['p95']:.1f}",
        )
        rows.append(row)

    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        words = map(str.ljust, row[:LEFT], widths[:LEFT])
        numbers = map(str.rjust, row[LEFT:], widths[LEFT:])
        lines.append("  ".join([*words, *numbers]).rstrip())
    return "\n".join(lines)
