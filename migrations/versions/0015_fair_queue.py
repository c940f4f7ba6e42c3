"""The queue knows how long a job is and whose, and hands jobs out in a fair order."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        """
        DROP FUNCTION public.footnote_queue_state();
        DROP FUNCTION procrastinate.footnote_fetch_oldest, procrastinate.footnote_fetch_job,
            procrastinate.footnote_take_job, procrastinate.footnote_heaviest;
        DROP INDEX procrastinate.footnote_running_jobs_idx, procrastinate.footnote_job_lock_idx;
        DROP POLICY system_reads ON jobs;
        REVOKE SELECT (kind, status) ON jobs FROM footnote_system;
        DROP INDEX jobs_failed;
        CREATE OR REPLACE FUNCTION public.footnote_enqueue(
            queue_name text, task_name text, job_lock text, priority integer, arguments jsonb
        )
            RETURNS void LANGUAGE sql SECURITY DEFINER
            SET search_path = procrastinate, pg_temp AS $$
            SELECT procrastinate_defer_jobs_v1(
                ARRAY[ROW(queue_name, task_name, priority, job_lock, NULL, arguments, NULL)]
                ::procrastinate_job_to_defer_v1[]
            );
        $$;
        CREATE OR REPLACE FUNCTION public.footnote_enqueue(
            queue_name text, task_name text, job_lock text, arguments jsonb
        )
            RETURNS void LANGUAGE sql SECURITY DEFINER
            SET search_path = procrastinate, pg_temp AS $$
            SELECT procrastinate_defer_jobs_v1(
                ARRAY[ROW(queue_name, task_name, 0, job_lock, NULL, arguments, NULL)]
                ::procrastinate_job_to_defer_v1[]
            );
        $$;
        DROP FUNCTION public.footnote_enqueue(text, text, text, integer, jsonb, integer);
        ALTER TABLE procrastinate.procrastinate_jobs
            DROP COLUMN weight, DROP COLUMN tenant_id, DROP COLUMN queued_at
        """
    )
