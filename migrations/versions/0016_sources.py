"""Sources that are synchronised by name, and readers that wait for a version to be served."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TABLE source_items, sources")
    op.execute("ALTER TABLE documents DROP COLUMN waiting_principals")
