"""The metrics ask for the state of the whole queue; nothing counts what waits by itself."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION public.footnote_waiting_jobs()
            RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
            SET search_path = procrastinate, pg_temp AS $$
            SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo';
        $$;
        REVOKE ALL ON FUNCTION public.footnote_waiting_jobs() FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION public.footnote_waiting_jobs() TO footnote_system;
        """
    )
