"""Jobs have a priority, and those on no single document have arguments."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.footnote_enqueue(text, text, text, integer, jsonb)")
    op.execute("ALTER TABLE jobs DROP COLUMN priority, DROP COLUMN arguments")
