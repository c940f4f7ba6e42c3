"""Webhooks and what is delivered to them."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE webhook_deliveries, webhooks")
