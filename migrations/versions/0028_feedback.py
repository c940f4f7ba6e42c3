"""Feedback on answers, one row for each author and answer."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE answer_feedback")
