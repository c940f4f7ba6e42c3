"""A tenant may not have all of a worker's slots for work on no single document."""

from pathlib import Path

from migrations.sql_files import run_script, run_sql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    before = Path(__file__).with_name("0015_fair_queue.sql").read_text(encoding="utf-8")
    name = "FUNCTION procrastinate.footnote_fetch_job("
    body = before.partition(f"CREATE {name}")[2].partition("$$;")[0]
    run_script(f"CREATE OR REPLACE {name}{body}$$;")
    run_script(
        """
        ALTER FUNCTION procrastinate.footnote_take_job(
            character varying[], bigint, integer, text, integer, integer
        ) RESET enable_incremental_sort;
        ALTER FUNCTION procrastinate.footnote_fetch_oldest(character varying[], bigint, integer)
            RESET enable_incremental_sort;
        DROP FUNCTION procrastinate.footnote_fetch_oldest_work(
            character varying[], bigint, integer
        );
        DROP FUNCTION procrastinate.footnote_may_work(bigint, integer, text);
        DROP INDEX procrastinate.footnote_oldest_work_idx;
        """
    )
