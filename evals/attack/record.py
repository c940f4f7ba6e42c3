"""The results as JSON, and as a table for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.attack.finding import Finding
from footnote.evals.provenance import Provenance

RESULTS = Path(__file__).parent / "results" / "attack.json"

MOST_SHOWN = 6
"""Longer mappings are for the file."""

Verdict = Literal["PASS", "FAIL", "known"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finding with its place in the suite."""

    family: str
    probe: str
    finding: Finding
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        match self.finding.has_held:
            case True:
                return "PASS"
            case False:
                return "FAIL"
            case None:
                return "known"


def write(
    path: Path, records: Sequence[Record], measured: Provenance, *, seed: int, minutes: float
) -> None:
    """Replaces the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    result = {
        **measured,
        "seed": seed,
        "soak_minutes": minutes,
        "probes": [
            {
                "family": record.family,
                "probe": record.probe,
                "verdict": record.verdict,
                "limit": record.finding.limit,
                "figures": dict(record.finding.figures),
                "seconds": round(record.seconds, 1),
            }
            for record in records
        ],
    }
    path.write_text(json.dumps(result, indent=2, default=str) + "\n", encoding="utf-8")


def table(path: Path) -> str:
    """The results in the file as a table of Markdown."""
    result = json.loads(path.read_text(encoding="utf-8"))
    rows = ["| probe | limit | measured | |", "|---|---|---|---|"]
    for probe in result["probes"]:
        figures = shown_figures(probe["figures"])
        name = f"{probe['family']}: {probe['probe'].replace('_', ' ')}"
        rows.append(f"| {name} | {probe['limit']} | {figures} | {probe['verdict']} |")
    return "\n".join(rows)


def shown_figures(figures: Mapping[str, object]) -> str:
    """The figures on one line, without what is empty."""
    shown = [f"{name.replace('_', ' ')} {_shown(value)}" for name, value in figures.items()]
    kept = (each for each in shown if not each.endswith(" "))
    return "; ".join(kept).replace("|", "\\|").replace("\n", " ")


def _shown(value: object) -> str:
    """Of a list of texts the first, with their number."""
    match value:
        case None | []:
            return ""
        case Mapping() if len(value) > MOST_SHOWN:
            return f"of {len(value)} in the JSON"
        case Mapping():
            return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
        case [str(first), *others]:
            return f"({1 + len(others)}) {first}"
        case list() | tuple():
            return "/".join(map(str, value))
        case _:
            return str(value)
