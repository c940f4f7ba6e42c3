"""A day of a budget knows which thresholds its webhooks were told of."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("ALTER TABLE budget_days DROP COLUMN threshold_told")
