-- A job is queued by the transaction that writes its document. The function runs with its
-- owner's rights, so that the roles of requests cannot read or change the queue.
CREATE FUNCTION public.footnote_enqueue(task_name text, job_lock text, arguments jsonb)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT procrastinate_defer_jobs_v1(
        ARRAY[ROW('ingest', task_name, 0, job_lock, NULL, arguments, NULL)]
        ::procrastinate_job_to_defer_v1[]
    );
$$;
REVOKE ALL ON FUNCTION public.footnote_enqueue(text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_enqueue(text, text, jsonb)
    TO footnote_reader, footnote_writer;

-- How many jobs wait, for the metrics; nothing of what they are about.
CREATE FUNCTION public.footnote_waiting_jobs()
    RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo';
$$;
REVOKE ALL ON FUNCTION public.footnote_waiting_jobs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_waiting_jobs() TO footnote_system;
