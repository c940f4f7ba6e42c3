-- Failed jobs are few among many that succeeded.
CREATE INDEX jobs_status ON jobs (tenant_id, status, id);

-- A job that was canceled while it waited leaves the queue. Only the tenant's own do.
CREATE FUNCTION public.footnote_dequeue(job_lock text, job_id uuid)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    DELETE FROM procrastinate_jobs
    WHERE lock = job_lock AND status = 'todo'
        AND args ->> 'job_id' = job_id::text
        AND args ->> 'tenant_id' = public.footnote_tenant()::text;
$$;
REVOKE ALL ON FUNCTION public.footnote_dequeue(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_dequeue(text, uuid) TO footnote_writer;
