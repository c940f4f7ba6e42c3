-- A job's kind says in which queue it waits; the previous release calls the function without.
CREATE FUNCTION public.footnote_enqueue(
    queue_name text, task_name text, job_lock text, arguments jsonb
)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT procrastinate_defer_jobs_v1(
        ARRAY[ROW(queue_name, task_name, 0, job_lock, NULL, arguments, NULL)]
        ::procrastinate_job_to_defer_v1[]
    );
$$;
REVOKE ALL ON FUNCTION public.footnote_enqueue(text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_enqueue(text, text, text, jsonb)
    TO footnote_reader, footnote_writer;
