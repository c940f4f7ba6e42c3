"""No query on tenant data can be written without saying whose data it is."""

import ast

import pytest

from kb.store.tables import metadata
from tests.architecture.source import FILES, ROOT, parse, relative

TENANT_DATA = (
    "index/vector_search",
    "store/admissible",
    "store/answers",
    "store/budgets",
    "store/changes",
    "store/chunks",
    "store/documents",
    "store/drift",
    "store/jobs",
    "store/model_calls",
    "store/outdated",
    "store/queue_state",
    "store/reindex_runs",
    "store/stale",
    "store/vectors",
    "store/versions",
)
ACROSS_TENANTS = {
    "store/queue_state:queue_states": "counts the queue for the metrics, whosever jobs they are",
    "store/queue_state:documents_by_status": "counts documents for the metrics, whosever they are",
    "store/queue_state:failed_jobs": "counts failures for the metrics, whosever jobs they are",
}
"""`module:function` that takes a SystemSession -> the reason."""


def queries(module: str) -> list[tuple[str, str]]:
    """Name and first parameter's type of each public function that talks to the database."""
    return [
        (node.name, ast.unparse(node.args.args[0].annotation or ast.Constant(None)))
        for node in parse(ROOT / "kb" / f"{module}.py").body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("module", TENANT_DATA)
def test_queries_take_a_tenant_session_first(module: str) -> None:
    found = queries(module)

    assert found
    for name, first_type in found:
        is_across = f"{module}:{name}" in ACROSS_TENANTS
        expected = {"SystemSession"} if is_across else {"TenantSession", "TenantCaller"}
        assert first_type in expected, f"kb/{module}.py: {name}()"


def test_every_exception_is_still_needed() -> None:
    present = {f"{module}:{name}" for module in TENANT_DATA for name, _ in queries(module)}

    assert present >= ACROSS_TENANTS.keys()


def test_only_kb_opens_a_transaction_as_the_login_role() -> None:
    openers = {
        relative(path)
        for path in FILES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and node.attr == "owner" and is_database(node.value)
    }

    assert openers == {
        "kb/postgres/row_security.py",
        "kb/residue.py",
        "kb/store/queue.py",
        "kb/store/space_changes.py",
        "kb/store/spaces.py",
    }


def is_database(node: ast.expr) -> bool:
    """True for what is called `database` or ends in `.database`."""
    return ast.unparse(node).rsplit(".", 1)[-1] == "database"


def test_only_kb_commits() -> None:
    committers = {
        relative(path)
        for path in FILES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    }

    # The indexes have commits of their own.
    assert committers <= {
        "migrations/run.py",
        "kb/index/lexical/index.py",
        "kb/index/sketches/tenant_sketches.py",
    }


def test_every_key_starts_with_the_tenant() -> None:
    tables = [table for table in metadata.tables.values() if "tenant_id" in table.columns]

    first_columns = {table.name: table.primary_key.columns.keys()[0] for table in tables}

    assert first_columns
    assert set(first_columns.values()) == {"tenant_id"}
