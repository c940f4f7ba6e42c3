"""The planner's statistics keep no words of documents, which would outlive them."""

from migrations.sql_files import run_script, run_sql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    run_script(
        """
        DO $$
        DECLARE
            of_column record;
        BEGIN
            FOR of_column IN
                SELECT attrelid::regclass AS relation, attname AS name
                FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attstattarget = 0
            LOOP
                EXECUTE format(
                    'ALTER TABLE %s ALTER COLUMN %I SET STATISTICS -1',
                    of_column.relation, of_column.name
                );
            END LOOP;
        END $$
        """
    )
