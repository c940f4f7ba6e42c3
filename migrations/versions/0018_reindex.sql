-- The time at which a scheduled task was last due when it was done, for the whole installation.
CREATE TABLE schedules (
    name text PRIMARY KEY,
    due_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON schedules TO footnote_system;

-- One run for one tenant, under the id of its job, which has its status. `steps` are done and are not
-- repeated when another worker takes the run over; `report` grows with them.
CREATE TABLE reindex_runs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    trigger text NOT NULL CHECK (trigger IN ('cron', 'api', 'cli')),
    due_at timestamptz,
    collection text,
    source text,
    only_changed boolean NOT NULL,
    embedding_model text,
    started_at timestamptz,
    finished_at timestamptz,
    steps text[] NOT NULL DEFAULT '{}',
    report jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reindex_runs_pkey PRIMARY KEY (tenant_id, id),
    -- Two workers that see a night due begin one run.
    CONSTRAINT reindex_runs_due_key UNIQUE (tenant_id, due_at),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reindex_runs TO footnote_writer;
ALTER TABLE reindex_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE reindex_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON reindex_runs TO footnote_writer
    USING (tenant_id = footnote_tenant());

-- With its lock a job can be queued again as it was. The run that queued it, and what it embedded.
ALTER TABLE jobs
    ADD COLUMN lock text,
    ADD COLUMN run_id uuid,
    ADD COLUMN embedded_chunks integer NOT NULL DEFAULT 0,
    ADD COLUMN embedded_tokens bigint NOT NULL DEFAULT 0;
CREATE INDEX jobs_run ON jobs (tenant_id, run_id) WHERE run_id IS NOT NULL;

-- Versions of the previous releases were split by the chunker's first revision.
ALTER TABLE document_versions ADD COLUMN chunker_version text NOT NULL DEFAULT '1';

-- The tenant's jobs that wait in the queue or are in a worker's hands; nothing of what they are about.
CREATE FUNCTION public.footnote_queued_jobs()
    RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT (args ->> 'job_id')::uuid FROM procrastinate_jobs
    WHERE status IN ('todo', 'doing')
        AND args ->> 'tenant_id' = public.footnote_tenant()::text
        AND args ->> 'job_id' IS NOT NULL;
$$;
REVOKE ALL ON FUNCTION public.footnote_queued_jobs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_queued_jobs() TO footnote_writer;
