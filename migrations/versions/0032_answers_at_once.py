"""An answer and the events of a stream are stored in one statement each."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("DROP FUNCTION footnote_tell_answer")
    op.execute("DROP FUNCTION footnote_begin_answer")
    op.execute("DROP FUNCTION footnote_store_answer")
    op.execute("DROP FUNCTION footnote_enter")
