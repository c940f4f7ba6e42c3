"""What is imported is declared: a package that only came along with another may leave with it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.source import FILES, PACKAGES, ROOT, parse, relative

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PRODUCT, DEVELOPMENT = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("requirements.lock", "requirements-dev.lock")
)
TOOLS = (ROOT / "requirements-dev.in").read_text(encoding="utf-8")
DISTRIBUTIONS = packages_distributions()

BUILDS_SAMPLES = "footnote/samples/"
"""The documents it writes are in the repository; only who changes them runs it."""

EVALUATES = "footnote/evals/"
"""What it imports is in an extra, which `footnote eval` asks for."""

RUNS_MODELS = "models/"
"""What it imports when a model needs it is in an extra, which `ModelUnavailable` names."""

ELSEWHERE = "evals/bench/peers/runners/"
"""Run by other Pythons, for which the requirements files beside that folder are installed."""


def normalised(requirement: str) -> str:
    """The distribution's name without version and extras."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


DECLARED = {normalised(requirement) for requirement in PROJECT["dependencies"]}
FOR_DEVELOPERS = {normalised(line) for line in re.findall(r"^\w.*", TOOLS, flags=re.MULTILINE)}
FOR_EVALUATIONS, FOR_MODELS = (
    {normalised(name) for name in PROJECT["optional-dependencies"][extra]}
    for extra in ("evals", "models")
)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]


def undeclared(path: Path) -> set[str]:
    allowed = DECLARED | (FOR_DEVELOPERS if relative(path).startswith(BUILDS_SAMPLES) else set())
    allowed |= FOR_EVALUATIONS if relative(path).startswith(EVALUATES) else set()
    allowed |= FOR_MODELS if relative(path).startswith(RUNS_MODELS) else set()
    outside = set(imported(path)) - set(PACKAGES) - sys.stdlib_module_names
    return {name for name in outside if not allowed & {normalised(d) for d in DISTRIBUTIONS[name]}}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_imported_package_is_declared(package: str) -> None:
    files = [path for path in FILES if relative(path).startswith(f"{package}/")]
    files = [path for path in files if not relative(path).startswith(ELSEWHERE)]

    missing = {relative(path): names for path in files if (names := undeclared(path))}

    assert missing == {}


def locked(lock: str) -> dict[str, str]:
    pins = re.findall(r"^([\w.-]+)==(\S+)", lock, flags=re.MULTILINE)
    return {normalised(name): version for name, version in pins}


def test_every_declared_package_is_locked() -> None:
    product, development = locked(PRODUCT), locked(DEVELOPMENT)

    assert product.keys() >= DECLARED
    extras = FOR_EVALUATIONS | FOR_MODELS
    assert product.keys() | development.keys() >= FOR_DEVELOPERS | extras
    # What makes the product large comes with whoever wants it.
    assert product.keys() & extras == set()


def test_the_product_is_locked_without_the_tools_of_development() -> None:
    assert locked(PRODUCT).keys() & {"mypy", "moto", "pip-tools", "pytest", "ruff"} == set()


def test_both_locks_hold_the_same_versions() -> None:
    product, development = locked(PRODUCT), locked(DEVELOPMENT)

    both = product.keys() & development.keys()

    assert {name: product[name] for name in both} == {name: development[name] for name in both}


@pytest.mark.parametrize("lock", [PRODUCT, DEVELOPMENT], ids=["product", "development"])
def test_the_lock_files_name_no_place(lock: str) -> None:
    assert [line for line in lock.splitlines() if "://" in line or line.startswith("-")] == []
