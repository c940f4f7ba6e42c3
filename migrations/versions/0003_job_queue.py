"""The job queue (procrastinate) in a schema of its own, and the one function that fills it."""

from alembic import op
from procrastinate.schema import SchemaManager

from migrations.sql_files import run_script, run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE SCHEMA procrastinate")
    op.execute("SET LOCAL search_path = procrastinate")
    run_script(SchemaManager.get_schema())
    op.execute("SET LOCAL search_path = public")
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.footnote_waiting_jobs, public.footnote_enqueue")
    op.execute("DROP SCHEMA procrastinate CASCADE")
