"""Readers that waited for a version do not see those before it."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        """
        ALTER POLICY readable ON document_versions USING (
            tenant_id = (SELECT footnote_tenant())
            AND EXISTS (
                SELECT FROM documents
                WHERE documents.tenant_id = document_versions.tenant_id
                  AND documents.id = document_versions.document_id
            )
        )
        """
    )
    op.execute("ALTER TABLE documents DROP COLUMN shown_since")
