"""Names of files hold no folders of whoever uploaded them: they are shown now."""

from migrations.sql_files import run_sql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    """Nothing: the release before reads such names too, and the folders are gone."""
