-- One tenant's slow sources could hold all of a worker's slots for work on no single document, and
-- with them the sources, re-indexes and backfills of all others.

-- True when the worker may take more such work for the tenant: of it a tenant may have in hand up to
-- twice as many as are free then, as of long documents (`footnote_heaviest`).
CREATE FUNCTION procrastinate.footnote_may_work(own_id bigint, slots integer, tenant text)
    RETURNS boolean LANGUAGE sql STABLE SET search_path = procrastinate, pg_temp AS $$
    SELECT count(*) FILTER (WHERE tenant_id = tenant) < 2 * (slots - count(*))
    FROM procrastinate_jobs
    WHERE status = 'doing' AND worker_id = own_id AND weight < 0
$$;

CREATE INDEX footnote_oldest_work_idx ON procrastinate.procrastinate_jobs (id)
    WHERE status = 'todo' AND weight < 0;

-- After an ANALYZE of a short queue, a part of an order was read from an index and the rest sorted:
-- all that waited in a class was read for each fetch.
ALTER FUNCTION procrastinate.footnote_take_job(
    character varying[], bigint, integer, text, integer, integer
) SET enable_incremental_sort = off;
ALTER FUNCTION procrastinate.footnote_fetch_oldest(character varying[], bigint, integer)
    SET enable_incremental_sort = off;

-- Marks the next job as taken; NULL when nothing that waits may be. Work on no document first, which
-- has slots of its own. The higher class first; in it the tenant with the fewest jobs in hand, of all
-- workers together, and of several the next after the one served last. A class is given up in which
-- the jobs of a hundred tenants wait for locks or times, which bounds the cost.
CREATE OR REPLACE FUNCTION procrastinate.footnote_fetch_job(
    queues character varying[], own_id bigint, document_slots integer, work_slots integer,
    previous_tenant text
)
    RETURNS procrastinate.procrastinate_jobs LANGUAGE plpgsql
    SET search_path = procrastinate, pg_temp
    SET enable_seqscan = off
    SET enable_sort = off
    SET enable_incremental_sort = off
    SET enable_bitmapscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    AS $$
DECLARE
    busy text[];
    lightest integer;
    widest integer;
    class integer;
    tenant text;
    has_wrapped boolean;
    taken procrastinate_jobs;
BEGIN
    SELECT COALESCE(array_agg(tenant_id ORDER BY jobs, tenant_id <= previous_tenant, tenant_id), '{}')
    INTO busy
    FROM (
        SELECT tenant_id, count(*) AS jobs
        FROM procrastinate_jobs
        WHERE status = 'doing'
        GROUP BY tenant_id
    ) AS in_hand;
    FOREACH lightest IN ARRAY ARRAY[-1, 0] LOOP
        IF lightest = 0 THEN
            widest := footnote_heaviest(own_id, document_slots, 0, NULL);
        ELSE
            SELECT CASE WHEN count(*) < work_slots THEN -1 ELSE -2 END INTO widest
            FROM procrastinate_jobs
            WHERE status = 'doing' AND worker_id = own_id AND weight < 0;
        END IF;
        CONTINUE WHEN widest < lightest;
        class := 2147483647;
        LOOP
            SELECT waiting.priority INTO class FROM procrastinate_jobs AS waiting
            WHERE waiting.status = 'todo' AND waiting.priority < class
            ORDER BY waiting.priority DESC
            LIMIT 1;
            EXIT WHEN NOT FOUND;
            tenant := previous_tenant;
            has_wrapped := FALSE;
            FOR tried IN 1..100 LOOP
                SELECT min(waiting.tenant_id) INTO tenant
                FROM generate_series(lightest, widest) AS step
                CROSS JOIN LATERAL (
                    SELECT tenant_id FROM procrastinate_jobs
                    WHERE status = 'todo'
                        AND (priority, weight, tenant_id) > (class, step, COALESCE(tenant, ''))
                        AND (priority, weight) <= (class, step)
                    ORDER BY priority, weight, tenant_id
                    LIMIT 1
                ) AS waiting;
                IF tenant IS NULL AND NOT has_wrapped THEN
                    has_wrapped := TRUE;
                    CONTINUE;
                END IF;
                EXIT WHEN tenant IS NULL OR (has_wrapped AND tenant > previous_tenant);
                CONTINUE WHEN tenant = ANY(busy);
                taken := footnote_take_job(queues, own_id, class, tenant, lightest, widest);
                IF taken.id IS NOT NULL THEN
                    RETURN taken;
                END IF;
            END LOOP;
            FOREACH tenant IN ARRAY busy LOOP
                taken := footnote_take_job(
                    queues, own_id, class, tenant, lightest,
                    CASE
                        WHEN lightest = 0 THEN footnote_heaviest(own_id, document_slots, class, tenant)
                        WHEN footnote_may_work(own_id, work_slots, tenant) THEN -1
                        ELSE -2
                    END
                );
                IF taken.id IS NOT NULL THEN
                    RETURN taken;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN NULL;
END
$$;

-- Marks the work as taken that waits longest, or, of its tenant and class, the first whose lock is
-- free; NULL when this worker has no slot for it now.
CREATE FUNCTION procrastinate.footnote_fetch_oldest_work(
    queues character varying[], own_id bigint, work_slots integer
)
    RETURNS procrastinate.procrastinate_jobs LANGUAGE plpgsql
    SET search_path = procrastinate, pg_temp
    SET enable_seqscan = off
    SET enable_sort = off
    SET enable_incremental_sort = off
    AS $$
DECLARE
    oldest procrastinate_jobs;
BEGIN
    SELECT * INTO oldest
    FROM procrastinate_jobs AS job
    WHERE status = 'todo' AND weight < 0 AND (queues IS NULL OR queue_name = ANY(queues))
        AND (scheduled_at IS NULL OR scheduled_at <= now())
        AND NOT EXISTS (
            SELECT FROM procrastinate_jobs AS other
            WHERE other.lock = job.lock AND other.status = 'doing'
        )
        AND footnote_may_work(own_id, work_slots, tenant_id)
    ORDER BY id
    LIMIT 1;
    IF oldest.id IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN footnote_take_job(queues, own_id, oldest.priority, oldest.tenant_id, -1, -1);
END
$$;
