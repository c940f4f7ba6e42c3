-- A single upload runs before many that came together, and these before what nobody waits for. Work
-- on no single document carries its arguments.
ALTER TABLE jobs
    ADD COLUMN priority text NOT NULL DEFAULT 'single'
        CHECK (priority IN ('single', 'bulk', 'background')),
    ADD COLUMN arguments jsonb NOT NULL DEFAULT '{}'::jsonb;

-- The previous release calls the function without a priority.
CREATE FUNCTION public.footnote_enqueue(
    queue_name text, task_name text, job_lock text, priority integer, arguments jsonb
)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT procrastinate_defer_jobs_v1(
        ARRAY[ROW(queue_name, task_name, priority, job_lock, NULL, arguments, NULL)]
        ::procrastinate_job_to_defer_v1[]
    );
$$;
REVOKE ALL ON FUNCTION public.footnote_enqueue(text, text, text, integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_enqueue(text, text, text, integer, jsonb)
    TO footnote_reader, footnote_writer;
