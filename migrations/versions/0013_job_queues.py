"""Each kind of job waits in a queue of its own choice."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.footnote_enqueue(text, text, text, jsonb)")
