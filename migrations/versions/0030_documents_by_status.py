"""The system counts documents by their status, for the metrics."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP POLICY system_reads ON documents")
    op.execute("REVOKE SELECT (status) ON documents FROM footnote_system")
