"""A worker's next job without planning anew, and a document's name in one round trip."""

from pathlib import Path

from alembic import op

from migrations.sql_files import run_script, run_sql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION footnote_lock_name")
    kept = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").partition("CREATE")[0]
    run_script(kept.replace("SET plan_cache_mode = force_generic_plan", "RESET plan_cache_mode"))
