"""The wheel: what `pip install` brings to a machine without a checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"app", "footnote", "ingest", "kb", "language", "migrations", "models"}
CHECKOUT_ONLY = {"evals", "tests"}
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.part.json")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this one: a build leaves files behind, and takes in those of the last build."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in PACKAGES | CHECKOUT_ONLY:
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_SOURCE)
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(checkout)],
        check=True,
    )
    [wheel] = folder.glob("footnote-*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path) -> set[str]:
    """The files that the wheel installs, without those that describe it."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_installs_the_packages_of_the_product_only(installed: set[str]) -> None:
    assert {name.partition("/")[0] for name in installed} == PACKAGES


def test_the_wheel_brings_every_file_of_its_packages(checkout: Path, installed: set[str]) -> None:
    files = (path for name in PACKAGES for path in (checkout / name).rglob("*") if path.is_file())
    in_checkout = {path.relative_to(checkout).as_posix() for path in files}

    assert installed == in_checkout
    # One of each kind that is read at run time.
    assert installed >= {
        "app/answering/abstention.json",
        "app/answering/verify/vetoes.toml",
        "footnote/evals/thresholds.toml",
        "footnote/samples/documents/employee-handbook.pdf",
        "migrations/script.py.mako",
    }


def test_what_is_installed_offers_evaluations_and_no_benchmarks(
    wheel: Path, tmp_path: Path
) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")

    shown = subprocess.run(
        [sys.executable, "-m", "footnote", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},  # noqa: TID251  # handed on
        check=True,
        capture_output=True,
        text=True,
    )

    assert " eval " in shown.stdout
    assert " bench " not in shown.stdout
