"""Counts of changes by who may read what changed, of which callers' generations are made."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE reader_changes")
