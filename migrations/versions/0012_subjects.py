"""Answers name the subject that asked, which may have no API key."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    # Whoever migrates is subject to row security too.
    op.execute("ALTER TABLE answers NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM answers WHERE credential_id IS NULL")
    op.execute("ALTER TABLE answers FORCE ROW LEVEL SECURITY")
    op.execute("DROP INDEX answers_subject")
    op.execute(
        "ALTER TABLE answers DROP CONSTRAINT answers_have_an_asker, DROP COLUMN subject,"
        " ALTER COLUMN credential_id SET NOT NULL"
    )
