"""`python -m evals.bench.growth`: draws docs/growth.png from the last run of `scale`."""

import json
from pathlib import Path
from typing import Final, TypedDict, cast

from evals.bench.scale import SizeResult
from footnote.evals.plots import curves_picture

RESULTS: Final = Path(__file__).with_name("results") / "scale.json"
PICTURE: Final = Path(__file__).parents[2] / "docs" / "growth.png"
LEGS: Final = ("total", "bare_embedding", "lexical", "vector", "fetch")


class _Numbers(TypedDict):
    sizes: list[SizeResult]


class _Record(TypedDict):
    numbers: _Numbers


def draw(record: Path, picture: Path) -> None:
    """The median of the whole search and of its parts, over the number of chunks."""
    # The benchmark wrote it: its own results, not input.
    sizes = cast("_Record", json.loads(record.read_text(encoding="utf-8")))["numbers"]["sizes"]
    medians = {leg: [size[leg]["p50"] for size in sizes] for leg in LEGS}
    picture.write_bytes(
        curves_picture(
            [size["chunks"] for size in sizes],
            medians,
            x_label="chunks of the tenant",
            y_label="milliseconds, p50",
        )
    )


if __name__ == "__main__":
    draw(RESULTS, PICTURE)
