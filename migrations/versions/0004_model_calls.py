"""What language models were asked and what it cost, and the budgets that bound it."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE budget_reservations, budget_days, model_calls")
