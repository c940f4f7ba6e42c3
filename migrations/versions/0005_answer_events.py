"""Streamed answers: what happened, event by event, so that a broken stream goes on on any node."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE answer_events")
    op.execute("DROP INDEX answers_caller, answers_request, answers_running")
    op.execute("DELETE FROM answers WHERE status IN ('running', 'failed')")
    op.execute(
        "ALTER TABLE answers DROP COLUMN trace, DROP COLUMN owner, DROP COLUMN request_sha256, "
        "DROP COLUMN alive_at, DROP COLUMN followed_at"
    )
