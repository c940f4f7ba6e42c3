"""The owner of a document is who uploaded the version that is served."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        "ALTER TABLE documents DROP COLUMN owner_person, DROP COLUMN uploader,"
        " DROP COLUMN uploader_person, DROP COLUMN uploaded_at, DROP COLUMN served_filename,"
        " DROP COLUMN served_media_type, DROP COLUMN served_size_bytes"
    )
