-- Who may read the document once its newest upload is served; until then its readers are only those
-- that may read both. NULL: nobody waits.
ALTER TABLE documents ADD COLUMN waiting_principals text[];

CREATE TABLE sources (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    uri text NOT NULL,
    collection text NOT NULL,
    principals text[] NOT NULL,
    rules jsonb NOT NULL,
    include text[] NOT NULL,
    exclude text[] NOT NULL,
    max_vanish_share double precision NOT NULL CHECK (max_vanish_share BETWEEN 0 AND 1),
    is_operators boolean NOT NULL,
    has_rule_file boolean NOT NULL DEFAULT false,
    cron text,
    scheduled_for timestamptz NOT NULL DEFAULT now(),
    last_job_id uuid,
    run_token uuid,
    run_expires_at timestamptz,
    last_run jsonb,
    held jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sources_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT sources_name_key UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE source_items (
    tenant_id uuid NOT NULL,
    source_id uuid NOT NULL,
    path text NOT NULL,
    id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('present', 'held', 'confirmed', 'deleted')),
    document_id uuid,
    etag text,
    size_bytes bigint,
    content_sha256 text,
    sidecar_etag text,
    sidecar jsonb,
    error jsonb,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT source_items_pkey PRIMARY KEY (tenant_id, source_id, path),
    CONSTRAINT source_items_source_fkey FOREIGN KEY (tenant_id, source_id)
        REFERENCES sources (tenant_id, id) ON DELETE CASCADE
);

-- Only whoever manages the tenant sees them: readers have no right to either table.
GRANT SELECT, INSERT, UPDATE, DELETE ON sources, source_items TO footnote_writer;

ALTER TABLE sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE sources FORCE ROW LEVEL SECURITY;
ALTER TABLE source_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_items FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON sources TO footnote_writer USING (tenant_id = footnote_tenant());
CREATE POLICY whole_tenant ON source_items TO footnote_writer
    USING (tenant_id = footnote_tenant());

-- The clock asks for all tenants at once which sources are due, and reads nothing else of them.
GRANT SELECT (tenant_id, name, cron, scheduled_for) ON sources TO footnote_system;
CREATE POLICY schedule ON sources FOR SELECT TO footnote_system USING (cron IS NOT NULL);
