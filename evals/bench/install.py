"""The size of what the product runs on, by package, as it is installed here."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from evals.bench.footnote_process import CHECKOUT
from evals.bench.record import Outcome

LOCKS: Final = ("requirements.lock", "requirements-model.txt")
LARGEST: Final = 15
TARGET_MB: Final = 1_000.0


def measure_install() -> Outcome:
    """Of the files that each package has recorded; without Footnote's own 5 MB."""
    pins = "".join((CHECKOUT / lock).read_text(encoding="utf-8") for lock in LOCKS)
    names = re.findall(r"^([\w.-]+)==", pins, flags=re.MULTILINE)
    size_by_name = {name: megabytes_of(name) for name in names}
    total = sum(size_by_name.values())
    by_size = sorted(size_by_name, key=lambda name: -size_by_name[name])
    return Outcome(
        question="Megabytes that the product's locked packages and its model take on disk",
        target=f"<= {TARGET_MB:g} MB",
        has_met_target=total <= TARGET_MB,
        numbers={
            "megabytes": round(total, 1),
            "packages": len(names),
            "largest_megabytes": {name: round(size_by_name[name], 1) for name in by_size[:LARGEST]},
        },
    )


def megabytes_of(name: str) -> float:
    """Of a package's files, its compiled ones included; 0 when it is not installed.

    A lock file names packages that other systems need.
    """
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return 0.0
    files = [Path(str(installed.locate_file(path))) for path in installed.files or []]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6
