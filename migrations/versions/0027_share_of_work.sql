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
            SELECT max(priority) INTO class FROM procrastinate_jobs
            WHERE status = 'todo' AND priority < class;
            EXIT WHEN class IS NULL;
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
