"""Jobs can be listed by status, queued again and taken out of the queue."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0021"
down_revision = "0018"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.footnote_dequeue(text, uuid)")
    op.execute("DROP INDEX jobs_status")
