"""What was deleted, who still has copies of it, the key of receipts, and retention of documents."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.footnote_forget_jobs(text, text[])")
    op.execute("DROP INDEX procrastinate.footnote_job_id")
    op.execute("DROP TABLE tenant_purges, tenant_deletions, purges, deletions")
    op.execute("DROP TABLE api_processes, signing_keys")
    op.execute("DROP INDEX idempotency_keys_named")
    op.execute("DROP FUNCTION footnote_named(jsonb)")
    op.execute("ALTER TABLE collections DROP COLUMN retention_days")
    op.execute("ALTER TABLE answer_documents DROP CONSTRAINT answer_documents_document_fkey")
