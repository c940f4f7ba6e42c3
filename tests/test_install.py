"""`tools/install.py` in a small checkout: what it says, and what it does about a failed install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.install import explain

ROOT = Path(__file__).parents[1]
NOWHERE = "http://127.0.0.1:9/simple"
"""Nothing listens there."""

BACKEND = """
from zipfile import ZipFile

def build_editable(folder, config_settings=None, metadata_directory=None):
    with ZipFile(f"{folder}/small-1-py3-none-any.whl", "w") as wheel:
        metadata = "Metadata-Version: 2.1\\nName: small\\nVersion: 1"
        wheel.writestr("small-1.dist-info/METADATA", metadata)
        wheel.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any")
        wheel.writestr("small-1.dist-info/RECORD", "")
    return "small-1-py3-none-any.whl"
"""
"""Builds a package without setuptools, which not every Python brings along."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose product needs nothing from a package index."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "install.py", tmp_path / "tools")
    for name in ("requirements.lock", "requirements-model.txt"):
        (tmp_path / name).write_text("pip\n")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "backend.py").write_text(BACKEND)
    return tmp_path


def install(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The end of the installation, by the interpreter itself rather than one of a venv."""
    handed_on = os.environ.items()  # noqa: TID251  # not read
    kept = {name: value for name, value in handed_on if not name.startswith("PIP_")}
    environment = kept | {
        "HOME": str(checkout / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOWHERE,
        "PIP_RETRIES": "1",
    }
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, str(checkout / "tools" / "install.py"), "product"],
        env=environment | variables,
        cwd=checkout.parent,
        check=False,
        capture_output=True,
        text=True,
    )


def test_what_failed_or_was_interrupted_is_made_anew(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("certainly-missing==1\n")

    failed = install(checkout)
    (checkout / "requirements.lock").write_text("pip\n")
    (checkout / ".venv" / "bin" / "python").unlink()
    done = install(checkout)

    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "the package index cannot be reached" in failed.stderr
    assert failed.stdout.startswith("[   0 s] making .venv\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("] installed\n")
    assert "Successfully installed small-1" in (checkout / ".venv" / "install.log").read_text()
    assert not (checkout / "home" / ".cache").exists()


def test_a_python_without_venv_is_told_so(checkout: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")

    failed = install(checkout, PYTHONPATH=str(hidden))

    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "apt install python3" in failed.stderr


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        ("ERROR: ... [Errno 28] No space left on device\n", "the disk is full"),
        ("WARNING: Retrying ... NewConnectionError\n", "the package index cannot be reached"),
        ("ERROR: ... [Errno 13] Permission denied: '/x'\n", "may not be written to"),
        ("ERROR: No matching distribution found for torch==9\n", "No matching distribution found"),
        ("nothing known", "see its output"),
    ],
)
def test_a_failure_is_explained_in_one_line(said: str, explained: str) -> None:
    line = explain(said)

    assert explained in line
    assert "\n" not in line
