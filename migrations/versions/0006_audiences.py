"""Audiences: who may read a vector as a number that indexes can order by."""

from alembic import op

from migrations.sql_files import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql(__file__)


def downgrade() -> None:
    op.execute(
        """
        DO $$
        DECLARE
            vectors text;
        BEGIN
            FOR vectors IN SELECT 'vectors_' || name FROM embedding_spaces LOOP
                EXECUTE format('DROP POLICY readable ON %I', vectors);
                EXECUTE format('DROP TRIGGER audience ON %I', vectors);
                EXECUTE format(
                    'ALTER TABLE %I DROP COLUMN signs, DROP COLUMN audience_id,
                     RESET (autovacuum_vacuum_insert_scale_factor)', vectors);
                EXECUTE format(
                    'CREATE POLICY readable ON %I FOR SELECT TO footnote_reader USING (
                         tenant_id = (SELECT footnote_tenant())
                         AND principals && (SELECT footnote_principals())
                     )', vectors);
            END LOOP;
        END;
        $$
        """
    )
    op.execute("DROP FUNCTION footnote_set_audience")
    op.execute("DROP TABLE audiences")
