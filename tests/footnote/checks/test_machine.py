"""What doctor says of an installation that is broken: each fault is one check of several."""

import json
import os
import shutil
from importlib.metadata import files
from pathlib import Path

import pytest

from footnote.checks.machine import MODEL_PACKAGE
from tests.footnote.processes import run_footnote

TORN = "tokenizer.json"
BYTE_CODE = ".pyc"


@pytest.fixture
def torn_packages(tmp_path: Path) -> Path:
    """A folder of packages: a parser that cannot be imported, and a model with a file cut off.

    The model lacks what an installation can do without: byte code, and what is beside its package.
    """
    packages = tmp_path / "packages"
    parser = packages / "kreuzberg"
    parser.mkdir(parents=True)
    (parser / "__init__.py").write_text("raise ImportError('a library is missing')\n")
    for file in files(MODEL_PACKAGE) or []:
        if file.suffix == BYTE_CODE or ".." in file.parts:
            continue
        source, copy = Path(str(file.locate())), packages / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.name == TORN:
            copy.write_bytes(source.read_bytes()[:-1])
        elif source.suffix == ".safetensors":
            copy.symlink_to(source)
        else:
            shutil.copyfile(source, copy)
    return packages


async def test_a_broken_parser_and_a_torn_model_are_checks_that_fail(
    environment: dict[str, str], torn_packages: Path
) -> None:
    path = os.pathsep.join(
        filter(None, [str(torn_packages), os.environ.get("PYTHONPATH")])  # noqa: TID251  # handed on
    )

    result = await run_footnote("doctor", "--json", environment={**environment, "PYTHONPATH": path})

    assert (result.exit_code, "Traceback" in result.stderr) == (1, False), result.stderr
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    failed = {name for name, check in checks.items() if check["status"] == "failed"}
    assert failed == {"model files", "parser"}
    assert "skipped" not in {check["status"] for check in checks.values()}
    assert checks["model files"]["detail"] == f"missing or cut off: {TORN} [model_unavailable]"
    assert "requirements-model.txt" in checks["model files"]["mend"]
    assert "kreuzberg" in checks["parser"]["mend"]
