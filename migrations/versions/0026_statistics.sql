-- ANALYZE stores values of a column, where they stay when their row is deleted, until the table is
-- analysed again: for a small change never. No plan hangs on the statistics of these columns.
DO $$
DECLARE
    of_column record;
BEGIN
    FOR of_column IN
        SELECT attrelid AS relation_id, attnum AS number, relname AS relation, attname AS name
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT attisdropped
          AND (
              (relname, attname) IN (
                  ('answer_events', 'data'),
                  ('answers', 'request'), ('answers', 'response'), ('answers', 'trace'),
                  ('chunks', 'text'), ('chunks', 'context'), ('chunks', 'location'),
                  ('document_versions', 'content'),
                  ('documents', 'external_id'), ('documents', 'title'),
                  ('documents', 'parsed_title'), ('documents', 'source_uri'),
                  ('documents', 'filename'), ('documents', 'served_filename'),
                  ('documents', 'metadata'),
                  ('idempotency_keys', 'response'),
                  ('source_items', 'sidecar')
              )
              -- As `kb.store.spaces` makes new ones.
              OR relname LIKE 'vectors\_%' AND attname IN ('embedding', 'signs')
          )
    LOOP
        EXECUTE format(
            'ALTER TABLE public.%I ALTER COLUMN %I SET STATISTICS 0',
            of_column.relation, of_column.name
        );
        -- Those that there are go too, where Postgres lets them: for a superuser, or from 18 on.
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            DELETE FROM pg_statistic
            WHERE starelid = of_column.relation_id AND staattnum = of_column.number;
        ELSIF current_setting('server_version_num')::integer >= 180000 THEN
            EXECUTE format(
                'SELECT pg_clear_attribute_stats(''public'', %L, %L, false)',
                of_column.relation, of_column.name
            );
        END IF;
    END LOOP;
END $$;
