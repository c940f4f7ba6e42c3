"""No stored answer repeats what the assistant said earlier in the conversation."""

from migrations.sql_files import run_sql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    """Nothing: the release before reads such answers too, and the words are gone."""
