-- An answer that was being made while its document was deleted could be stored after the deletion.
-- The key makes storing it wait for the deletion, and fail. Whoever migrates is subject to row
-- security too.
ALTER TABLE answers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE answer_documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
DELETE FROM answers USING answer_documents AS shown
WHERE shown.tenant_id = answers.tenant_id AND shown.answer_id = answers.id
  AND NOT EXISTS (
      SELECT FROM documents
      WHERE documents.tenant_id = shown.tenant_id AND documents.id = shown.document_id
  );
ALTER TABLE answer_documents ADD CONSTRAINT answer_documents_document_fkey
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id);
ALTER TABLE answers FORCE ROW LEVEL SECURITY;
ALTER TABLE answer_documents FORCE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;

-- Days after its last change for which a document of the collection is kept.
ALTER TABLE collections
    ADD COLUMN retention_days integer
        CONSTRAINT collections_retention_days_check CHECK (retention_days BETWEEN 1 AND 36500);

-- The ids of what a stored response tells of, documents among them; to find it by them.
CREATE FUNCTION footnote_named(response jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN jsonb_path_query_array(response, '$.**.id')
        || jsonb_path_query_array(response, '$.**.document_id');
CREATE INDEX idempotency_keys_named ON idempotency_keys
    USING gin (footnote_named(response) jsonb_path_ops);

-- One row for each deleted document; `receipt` is what its deleter was told, and no word of it.
CREATE TABLE deletions (
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL,
    owner text NOT NULL,
    principals text[] NOT NULL,
    generation bigint NOT NULL,
    receipt jsonb NOT NULL,
    sha256s text[] NOT NULL,
    deleted_at timestamptz NOT NULL,
    purged_at timestamptz,
    nodes integer NOT NULL DEFAULT 0,
    absent_nodes integer NOT NULL DEFAULT 0,
    CONSTRAINT deletions_pkey PRIMARY KEY (tenant_id, document_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX deletions_open ON deletions (tenant_id, generation) WHERE purged_at IS NULL;

-- Processes of the API, which hold copies on the disk of their node and in memory.
CREATE TABLE api_processes (
    id uuid PRIMARY KEY,
    node uuid NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- The generation up to which a process has nothing left of the tenant's deleted documents.
CREATE TABLE purges (
    tenant_id uuid NOT NULL,
    process_id uuid NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT purges_pkey PRIMARY KEY (tenant_id, process_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    FOREIGN KEY (process_id) REFERENCES api_processes (id) ON DELETE CASCADE
);

-- Of no tenant: they outlive theirs.
CREATE TABLE tenant_deletions (
    id uuid PRIMARY KEY,
    receipt jsonb NOT NULL,
    deleted_at timestamptz NOT NULL,
    purged_at timestamptz,
    nodes integer NOT NULL DEFAULT 0,
    absent_nodes integer NOT NULL DEFAULT 0
);
CREATE TABLE tenant_purges (
    deletion_id uuid NOT NULL REFERENCES tenant_deletions (id) ON DELETE CASCADE,
    process_id uuid NOT NULL REFERENCES api_processes (id) ON DELETE CASCADE,
    PRIMARY KEY (deletion_id, process_id)
);

CREATE TABLE signing_keys (
    id text PRIMARY KEY,
    private_key bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE deletions FORCE ROW LEVEL SECURITY;
ALTER TABLE purges ENABLE ROW LEVEL SECURITY;
ALTER TABLE purges FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON deletions TO footnote_writer
    USING (tenant_id = footnote_tenant());
-- A receipt is for those who deleted the document, or could have read it.
CREATE POLICY readable ON deletions FOR SELECT TO footnote_reader
    USING (
        tenant_id = footnote_tenant()
        AND (owner = footnote_owner() OR principals && footnote_principals())
    );
CREATE POLICY system_reads ON deletions FOR SELECT TO footnote_system USING (true);
CREATE POLICY whole_tenant ON purges TO footnote_writer
    USING (tenant_id = footnote_tenant());

GRANT SELECT ON deletions TO footnote_reader;
GRANT SELECT, INSERT, UPDATE ON deletions TO footnote_writer;
GRANT SELECT (tenant_id, generation, purged_at) ON deletions TO footnote_system;
GRANT SELECT, INSERT, UPDATE ON purges TO footnote_writer;
GRANT SELECT ON api_processes TO footnote_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_processes TO footnote_system;
GRANT SELECT, INSERT, UPDATE ON tenant_deletions TO footnote_system;
GRANT SELECT, INSERT ON tenant_purges TO footnote_system;
GRANT SELECT, INSERT ON signing_keys TO footnote_system;

-- What waits or failed of the named jobs, or of all jobs of the tenant.
CREATE INDEX footnote_job_id ON procrastinate.procrastinate_jobs ((args ->> 'job_id'));
CREATE FUNCTION public.footnote_forget_jobs(of_tenant text, job_ids text[])
    RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    WITH forgotten AS (
        DELETE FROM procrastinate_jobs
        WHERE args ->> 'tenant_id' = of_tenant
          AND (job_ids IS NULL OR args ->> 'job_id' = ANY (job_ids))
        RETURNING 1
    )
    SELECT count(*) FROM forgotten;
$$;
REVOKE ALL ON FUNCTION public.footnote_forget_jobs(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.footnote_forget_jobs(text, text[])
    TO footnote_writer, footnote_system;
