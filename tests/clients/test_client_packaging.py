"""The client's wheel: what `pip install footnote-client` brings, and what it needs."""

import os
import shutil
import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from footnote_client import VERSION
from tests.architecture.source import ROOT

PROJECT = ROOT / "clients" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves files behind."""
    copied = tmp_path_factory.mktemp("client") / "python"
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(PROJECT, copied, ignore=ignored)
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(copied)],
        check=True,
    )
    [wheel] = folder.glob("footnote_client-*.whl")
    return wheel


def test_the_wheel_holds_the_client_and_nothing_else(wheel: Path) -> None:
    sources = PROJECT / "src"
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == {
        path.relative_to(sources).as_posix()
        for path in (sources / "footnote_client").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "footnote_client/py.typed" in names


def test_the_wheel_says_what_it_is_and_needs(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
        licences = [name for name in archive.namelist() if name.endswith("/LICENSE")]

    needed = metadata.get_all("Requires-Dist") or []
    assert (metadata["Name"], metadata["Version"]) == ("footnote-client", VERSION)
    assert [each for each in needed if "extra ==" not in each] == ["httpx>=0.28"]
    assert metadata.get_all("Provides-Extra") == ["langchain", "llamaindex"]
    assert (metadata["License-Expression"], len(licences)) == ("Apache-2.0", 1)
    assert (PROJECT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_importing_the_client_imports_no_service_and_no_framework(
    wheel: Path, tmp_path: Path
) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    unwanted = ["app", "footnote", "kb", "pydantic", "langchain_core", "llama_index"]
    code = f"import sys, footnote_client; print([n for n in {unwanted} if n in sys.modules])"

    shown = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},  # noqa: TID251  # handed on
        check=True,
        capture_output=True,
        text=True,
    )

    assert shown.stdout == "[]\n"
