-- The weight of a job: 0 for a document of up to 16 kB, one more for each four-fold, at most 9; -1
-- for work on no single document. procrastinate's functions name their columns, so that these do not
-- disturb them, and they are no arguments, which workers of the previous release would refuse.
ALTER TABLE procrastinate.procrastinate_jobs
    ADD COLUMN weight integer NOT NULL DEFAULT -1 CHECK (weight BETWEEN -1 AND 9),
    ADD COLUMN tenant_id text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (COALESCE(args ->> 'tenant_id', 'none')) STORED,
    ADD COLUMN queued_at timestamptz NOT NULL DEFAULT now();

-- What waits from the previous release is a document of unknown size, and counts as a long one.
UPDATE procrastinate.procrastinate_jobs SET weight = 3 WHERE task_name = 'ingest_document';

CREATE INDEX footnote_waiting_jobs_idx
    ON procrastinate.procrastinate_jobs (priority, weight, tenant_id, id)
    WHERE status = 'todo';
CREATE INDEX footnote_oldest_document_idx ON procrastinate.procrastinate_jobs (id)
    WHERE status = 'todo' AND weight >= 0;
CREATE INDEX footnote_running_jobs_idx ON procrastinate.procrastinate_jobs (id)
    WHERE status = 'doing';
-- procrastinate's own index begins with the id, so that a look at a lock may read all of it.
CREATE INDEX footnote_job_lock_idx ON procrastinate.procrastinate_jobs (lock, priority DESC, id)
    WHERE status = 'todo';

CREATE FUNCTION public.footnote_enqueue(
    queue_name text, task_name text, job_lock text, priority integer, arguments jsonb,
    job_weight integer
)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, priority, args, weight)
    VALUES (queue_name, task_name, job_lock, priority, arguments, job_weight);
$$;
REVOKE ALL ON FUNCTION public.footnote_enqueue(text, text, text, integer, jsonb, integer)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_enqueue(text, text, text, integer, jsonb, integer)
    TO footnote_reader, footnote_writer;

-- The previous release queues documents only, by either of these.
CREATE OR REPLACE FUNCTION public.footnote_enqueue(
    queue_name text, task_name text, job_lock text, priority integer, arguments jsonb
)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT public.footnote_enqueue(queue_name, task_name, job_lock, priority, arguments, 3);
$$;
CREATE OR REPLACE FUNCTION public.footnote_enqueue(
    queue_name text, task_name text, job_lock text, arguments jsonb
)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT public.footnote_enqueue(queue_name, task_name, job_lock, 20, arguments, 3);
$$;

-- The greatest weight of a document that the worker may take for the tenant; -1: none.
-- Of its slots the last is for weight 0, the one before it for up to 1, and so on for a quarter of
-- them: whatever comes finds a slot that nothing longer holds. Of those that are longer than 0 a
-- tenant may have in hand, in this class and above, up to twice as many as are free then: alone two
-- thirds of the slots, and whoever comes next as many as that leaves him. Source of the rule:
-- Choudhury and Hahne, Dynamic queue length thresholds, IEEE/ACM ToN 6(2), 1998.
CREATE FUNCTION procrastinate.footnote_heaviest(
    own_id bigint, slots integer, class integer, tenant text
)
    RETURNS integer LANGUAGE sql STABLE SET search_path = procrastinate, pg_temp AS $$
    WITH own AS MATERIALIZED (
        SELECT weight, priority, tenant_id
        FROM procrastinate_jobs
        WHERE status = 'doing' AND worker_id = own_id AND weight >= 0
    )
    SELECT CASE
        WHEN (SELECT count(*) FROM own) >= slots THEN -1
        WHEN (
            SELECT count(*) FROM own
            WHERE weight > 0 AND priority >= class AND tenant_id = tenant
        ) >= 2 * (slots - (SELECT count(*) FROM own WHERE weight > 0)) THEN 0
        ELSE (
            SELECT COALESCE(min(step) - 1, 9)
            FROM generate_series(1, slots / 4) AS step
            WHERE (SELECT count(*) FROM own WHERE weight >= step) >= slots - step
        )
    END
$$;

-- Marks the first job as taken that is of this class, tenant and range of weights and whose lock is
-- free: the light before the heavy, then by age. NULL when there is none. Locks and times are kept
-- as procrastinate_fetch_job_v2 keeps them.
CREATE FUNCTION procrastinate.footnote_take_job(
    queues character varying[], own_id bigint, class integer, tenant text,
    lightest integer, heaviest integer
)
    RETURNS procrastinate.procrastinate_jobs LANGUAGE plpgsql
    SET search_path = procrastinate, pg_temp
    -- The statistics of a queue are out of date whenever it matters: no plan may read all of it.
    SET enable_seqscan = off
    SET enable_sort = off
    SET enable_bitmapscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    AS $$
DECLARE
    present integer;
    taken procrastinate_jobs;
BEGIN
    -- Rows are compared, though columns would do: a plan for constants may walk any index, and only
    -- that of all these columns begins and ends with such rows.
    FOR present IN
        SELECT step FROM generate_series(lightest, heaviest) AS step
        -- EXISTS would become a join with all that waits.
        CROSS JOIN LATERAL (
            SELECT FROM procrastinate_jobs
            WHERE status = 'todo'
                AND (priority, weight, tenant_id) >= (class, step, tenant)
                AND (priority, weight, tenant_id) <= (class, step, tenant)
            ORDER BY priority, weight, tenant_id
            LIMIT 1
        ) AS waiting
        ORDER BY step
    LOOP
        WITH candidate AS (
            SELECT job.id
            FROM procrastinate_jobs AS job
            WHERE job.status = 'todo'
                AND (job.priority, job.weight, job.tenant_id) >= (class, present, tenant)
                AND (job.priority, job.weight, job.tenant_id) <= (class, present, tenant)
                AND (queues IS NULL OR job.queue_name = ANY(queues))
                AND (job.scheduled_at IS NULL OR job.scheduled_at <= now())
                AND NOT EXISTS (
                    SELECT FROM procrastinate_jobs AS other
                    WHERE other.lock = job.lock AND other.status = 'doing'
                )
                AND (
                    job.lock IS NULL
                    OR job.id = (
                        SELECT other.id FROM procrastinate_jobs AS other
                        WHERE other.lock BETWEEN job.lock AND job.lock AND other.status = 'todo'
                        ORDER BY other.lock, other.priority DESC, other.id
                        LIMIT 1
                    )
                )
            ORDER BY job.priority, job.weight, job.tenant_id, job.id
            LIMIT 1
            FOR UPDATE OF job SKIP LOCKED
        )
        UPDATE procrastinate_jobs AS job
        SET status = 'doing', worker_id = own_id
        FROM candidate
        WHERE job.id = candidate.id
        RETURNING job.* INTO taken;
        EXIT WHEN taken.id IS NOT NULL;
    END LOOP;
    RETURN taken;
END
$$;

-- Marks the next job as taken; NULL when nothing that waits may be. Work on no document first, which
-- has slots of its own. The higher class first; in it the tenant with the fewest jobs in hand, of all
-- workers together, and of several the next after the one served last. A class is given up in which
-- the jobs of a hundred tenants wait for locks or times, which bounds the cost.
CREATE FUNCTION procrastinate.footnote_fetch_job(
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
                        WHEN lightest < 0 THEN widest
                        ELSE footnote_heaviest(own_id, document_slots, class, tenant)
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

-- Marks the document that waits longest as taken, whatever its class, tenant and weight; NULL when
-- this worker has no slot for it now. Now and then this comes first, so that nothing waits for ever.
CREATE FUNCTION procrastinate.footnote_fetch_oldest(
    queues character varying[], own_id bigint, document_slots integer
)
    RETURNS procrastinate.procrastinate_jobs LANGUAGE plpgsql
    SET search_path = procrastinate, pg_temp
    SET enable_seqscan = off
    SET enable_sort = off
    AS $$
DECLARE
    oldest procrastinate_jobs;
BEGIN
    SELECT * INTO oldest
    FROM procrastinate_jobs
    WHERE status = 'todo' AND weight >= 0 AND (queues IS NULL OR queue_name = ANY(queues))
        AND (scheduled_at IS NULL OR scheduled_at <= now())
    ORDER BY id
    LIMIT 1;
    IF oldest.id IS NULL OR oldest.weight > footnote_heaviest(
        own_id, document_slots, oldest.priority, oldest.tenant_id
    ) THEN
        RETURN NULL;
    END IF;
    RETURN footnote_take_job(
        queues, own_id, oldest.priority, oldest.tenant_id, oldest.weight, oldest.weight
    );
END
$$;

-- The queue by kind of job and class, for the metrics; nothing of what the jobs are about.
CREATE FUNCTION public.footnote_queue_state()
    RETURNS TABLE (
        task_name text, priority integer, waiting bigint, running bigint, oldest_seconds float8
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT
        task_name,
        priority,
        count(*) FILTER (WHERE status = 'todo'),
        count(*) FILTER (WHERE status = 'doing'),
        COALESCE(
            extract(epoch FROM now() - min(queued_at) FILTER (WHERE status = 'todo')), 0
        )::float8
    FROM procrastinate_jobs
    WHERE status IN ('todo', 'doing')
    GROUP BY task_name, priority
$$;
REVOKE ALL ON FUNCTION public.footnote_queue_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_queue_state() TO footnote_system;

-- How many jobs of each kind have failed; of their tenants and documents the system sees nothing.
GRANT SELECT (kind, status) ON jobs TO footnote_system;
CREATE POLICY system_reads ON jobs FOR SELECT TO footnote_system USING (true);
CREATE INDEX jobs_failed ON jobs (tenant_id, kind) WHERE status = 'failed';
