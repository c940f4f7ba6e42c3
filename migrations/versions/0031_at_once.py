"""A key is looked at, and a search from memory is settled, in one statement each."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION footnote_settle_search")
    op.execute("DROP FUNCTION footnote_authenticate")
