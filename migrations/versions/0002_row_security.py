"""Roles, row security on every tenant table, and immutable rows."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0002"
down_revision = "0001"

TABLES = (
    "tenants",
    "credentials",
    "collections",
    "documents",
    "document_versions",
    "chunks",
    "index_changes",
    "jobs",
    "answers",
    "answer_documents",
    "idempotency_keys",
    "audit_events",
)


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP TRIGGER document_versions_immutable ON document_versions")
    op.execute("DROP TRIGGER audit_events_immutable ON audit_events")
    for role in ("footnote_reader", "footnote_writer", "footnote_system"):
        # Takes this database's grants and policies away; the role itself may serve another one.
        op.execute(f"DROP OWNED BY {role}")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(
        """
        DO $$
        DECLARE
            space text;
        BEGIN
            FOR space IN SELECT name FROM embedding_spaces LOOP
                EXECUTE format('DROP TABLE IF EXISTS %I', 'vectors_' || space);
            END LOOP;
            DELETE FROM embedding_spaces;
        END;
        $$
        """
    )
    op.execute("DROP FUNCTION footnote_refuse_change")
    op.execute("DROP FUNCTION footnote_owner")
    op.execute("DROP FUNCTION footnote_principals")
    op.execute("DROP FUNCTION footnote_tenant")
