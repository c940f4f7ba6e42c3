"""Runs of the nightly re-index with their reports, and what tells which documents to read again."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.footnote_queued_jobs()")
    op.execute("DROP TABLE reindex_runs, schedules")
    op.execute(
        "ALTER TABLE jobs DROP COLUMN lock, DROP COLUMN run_id, DROP COLUMN embedded_chunks, "
        "DROP COLUMN embedded_tokens"
    )
    op.execute("ALTER TABLE document_versions DROP COLUMN chunker_version")
