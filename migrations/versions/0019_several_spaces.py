"""Embedding spaces live beside each other, each with its own thresholds."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE embedding_spaces
            DROP COLUMN evidence_floor, DROP COLUMN lexical_weight, DROP COLUMN languages,
            DROP COLUMN cosine_slope, DROP COLUMN cosine_intercept,
            DROP COLUMN abstention, DROP COLUMN dropped_at
        """
    )
