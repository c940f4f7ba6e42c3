"""Every regular expression of the service: where it is written, and how it is asked."""

import ast
import pickle
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.architecture.source import FILES, ROOT, parse, relative

PACKAGES = ("app", "language", "kb", "ingest", "models", "footnote")
"""Those that read text from outside."""

OWN_TEXTS = ("footnote/evals/", "footnote/samples/")
"""Whose patterns read what we wrote ourselves."""

MODULES = frozenset({"re", "regex"})
MODE_BY_FUNCTION = {
    "match": "match",
    "fullmatch": "fullmatch",
    "search": "search",
    "finditer": "scan",
    "findall": "scan",
    "sub": "scan",
    "subn": "scan",
    "split": "scan",
}
"""How a text is gone through; `scan` goes on behind each match."""

HARMLESS = frozenset({"Pattern", "Match", "escape", "error", "Scanner"})
"""Of the two modules, beside their flags; nothing of this runs a pattern."""

Location = tuple[str, int]
"""The file, relative to the repository, and the line."""


@dataclass(frozen=True, kw_only=True)
class AskedPattern:
    """A pattern, where it is written, and how a text meets it."""

    location: Location
    pattern: re.Pattern[str] | re.Pattern[bytes]
    modes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of one of the two modules; `name` is the constant that the result is bound to."""

    path: Path
    node: ast.Call
    function: str
    name: str | None


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree, parsed once."""
    return parse(path)


def service_files() -> list[Path]:
    """The files of the packages, in order."""
    return [
        path
        for path in FILES
        if relative(path).split("/")[0] in PACKAGES and not relative(path).startswith(OWN_TEXTS)
    ]


def asked_patterns() -> tuple[list[AskedPattern], list[str]]:
    """All patterns, and complaints about places that nobody can look into."""
    recorded = recorded_patterns()
    found, complaints = [], []
    for path in service_files():
        tree = tree_of(path)
        complaints += [f"{relative(path)}:{line}: {fault}" for line, fault in unreadable(tree)]
        for call in calls(path, tree):
            location = (relative(path), call.node.lineno)
            patterns = patterns_of(call, recorded)
            if not patterns:
                complaints.append(f"{location[0]}:{location[1]}: compile it as a module constant")
            modes = modes_of(call)
            found += [
                AskedPattern(location=location, pattern=pattern, modes=modes)
                for pattern in patterns
            ]
    return found, complaints


def unreadable(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines that reach the modules by a way that `calls` does not see."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module) if module in MODULES:
                yield node.lineno, f"write `import {module}`"
            case ast.Import(names=names):
                for alias in names:
                    if (alias.name in MODULES and alias.asname) or alias.name == "re2":
                        yield node.lineno, "write `import re`, or teach this test"
            case ast.Attribute(value=ast.Name(id=module), attr=attribute) if module in MODULES:
                is_known = attribute in HARMLESS or attribute.isupper()
                if not is_known and id(node) not in called:
                    yield node.lineno, f"call {module}.{attribute} where it stands"


def calls(path: Path, tree: ast.Module) -> Iterator[Call]:
    """Each call of the two modules that takes a pattern."""
    names = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=function)) if (
                module in MODULES and function not in HARMLESS
            ):
                yield Call(path=path, node=node, function=function, name=names.get(id(node)))


def patterns_of(
    call: Call, recorded: Mapping[Location, list[re.Pattern[str]]]
) -> list[re.Pattern[str]]:
    """What the call compiled while its module was imported, or the literal that it is given."""
    if call.function == "compile":
        lines = range(call.node.lineno, (call.node.end_lineno or call.node.lineno) + 1)
        return [each for line in lines for each in recorded.get((relative(call.path), line), [])]
    match call.node:
        case ast.Call(args=[ast.Constant(value=str() as literal), *_], keywords=[]):
            return [re.compile(literal)]
    return []


def modes_of(call: Call) -> frozenset[str]:
    """How the pattern is asked; every way when it is handed on, so that nobody can tell."""
    every_mode = frozenset(MODE_BY_FUNCTION.values())
    if call.function != "compile":
        return frozenset({MODE_BY_FUNCTION[call.function]})
    if call.name is None:
        return every_mode
    modes: set[str] = set()
    for path in service_files():
        local = (
            call.name
            if path == call.path
            else imported_as(path).get(f"{module_of(call.path)}.{call.name}")
        )
        modes |= modes_by_name(path).get(local or "", set())
    return frozenset(modes) if modes and "unknown" not in modes else every_mode


def module_of(path: Path) -> str:
    """The dotted name."""
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def imported_as(path: Path) -> Mapping[str, str]:
    """What the file calls the names of other modules."""
    return {
        f"{node.module}.{alias.name}": alias.asname or alias.name
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@cache
def modes_by_name(path: Path) -> Mapping[str, set[str]]:
    """How the file asks its constants; 'unknown' where one is handed on."""
    mode_by_node = {}
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name() as constant, attr=function), args=args
            ) if function in MODE_BY_FUNCTION:
                # A match at a place of the caller's choice is how a loop goes through a text.
                is_at_place = function == "match" and len(args) > 1
                mode_by_node[id(constant)] = "scan" if is_at_place else MODE_BY_FUNCTION[function]
    modes: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            modes[node.id].add(mode_by_node.get(id(node), "unknown"))
    return modes


def recorded_patterns() -> Mapping[Location, list[re.Pattern[str]]]:
    """All that is compiled while the modules are imported, in a process of its own."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "patterns"
        subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-m", "tests.architecture.record_patterns", str(target)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        recorded = pickle.loads(target.read_bytes())  # noqa: S301  # written the line before
    found = defaultdict(list)
    for location, pattern in recorded:
        found[location].append(pattern)
    return found
