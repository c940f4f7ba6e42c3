"""Runs a migration's .sql file, which stands beside it."""

from pathlib import Path

from alembic import op


def run_sql(migration_file: str) -> None:
    """Executes `<migration>.sql`; a lock that cannot be had in 10 s ends the migration."""
    op.execute("SET LOCAL lock_timeout = '10s'")
    run_script(Path(migration_file).with_suffix(".sql").read_text(encoding="utf-8"))


def run_script(script: str) -> None:
    """Executes several statements; without parameters, so that '%' needs no escape."""
    op.get_bind().exec_driver_sql(script, execution_options={"no_parameters": True})
