"""Jobs whose worker died are counted only where nothing else can have killed it."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute("ALTER TABLE jobs DROP COLUMN lone_attempts")
