"""Tables of the knowledge base."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    # The extension stays: it may have been there before.
    op.execute(
        """
        DO $$
        DECLARE
            space text;
        BEGIN
            FOR space IN SELECT name FROM embedding_spaces LOOP
                EXECUTE format('DROP TABLE IF EXISTS %I', 'vectors_' || space);
            END LOOP;
        END;
        $$
        """
    )
    op.execute(
        """
        DROP TABLE audit_events, idempotency_keys, answer_documents, answers, jobs,
                   embedding_spaces, index_changes, chunks, document_versions, documents,
                   collections, credentials, tenants
        """
    )
