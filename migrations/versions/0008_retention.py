"""What may be forgotten: calls of models after a month, and audiences that nothing is read by."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP POLICY kept ON model_calls")
    op.execute("REVOKE DELETE ON model_calls, audiences FROM footnote_writer")
