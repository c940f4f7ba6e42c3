"""The language that a document was found to be in, beside the one its uploader says."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("ALTER TABLE documents DROP COLUMN detected_language")
