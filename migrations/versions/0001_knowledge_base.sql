CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE embedding_spaces (
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    revision TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    is_current BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (name)
);

CREATE UNIQUE INDEX embedding_spaces_current ON embedding_spaces (is_current) WHERE is_current;

CREATE TABLE tenants (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    generation BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT tenants_name_key UNIQUE (name)
);

CREATE TABLE answers (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    credential_id UUID NOT NULL,
    principals TEXT[] NOT NULL,
    request JSONB NOT NULL,
    response JSONB NOT NULL,
    status TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT answers_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE audit_events (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    principals TEXT[] NOT NULL,
    object_id TEXT,
    request_id TEXT,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT audit_events_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE collections (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT collections_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT collections_name_key UNIQUE (tenant_id, name),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE credentials (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    prefix TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    principals TEXT[] NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT credentials_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credentials_prefix_key UNIQUE (prefix),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE idempotency_keys (
    tenant_id UUID NOT NULL,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status_code INTEGER,
    response JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, owner, key),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE index_changes (
    tenant_id UUID NOT NULL,
    generation BIGINT NOT NULL,
    document_id UUID NOT NULL,
    CONSTRAINT index_changes_pkey PRIMARY KEY (tenant_id, generation),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE jobs (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    document_id UUID,
    upload INTEGER,
    content_sha256 TEXT,
    owner TEXT NOT NULL,
    status TEXT DEFAULT 'queued' NOT NULL,
    progress_done INTEGER DEFAULT '0' NOT NULL,
    progress_total INTEGER,
    progress_unit TEXT DEFAULT 'chunks' NOT NULL,
    error JSONB,
    attempts INTEGER DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE INDEX jobs_document ON jobs (tenant_id, document_id);

CREATE TABLE answer_documents (
    tenant_id UUID NOT NULL,
    answer_id UUID NOT NULL,
    document_id UUID NOT NULL,
    CONSTRAINT answer_documents_pkey PRIMARY KEY (tenant_id, answer_id, document_id),
    FOREIGN KEY(tenant_id, answer_id) REFERENCES answers (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX answer_documents_document ON answer_documents (tenant_id, document_id);

CREATE TABLE documents (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    collection_id UUID NOT NULL,
    external_id TEXT,
    owner TEXT NOT NULL,
    title TEXT,
    parsed_title TEXT,
    source_uri TEXT,
    filename TEXT,
    media_type TEXT NOT NULL,
    language TEXT,
    metadata JSONB DEFAULT '{}'::jsonb NOT NULL,
    principals TEXT[] NOT NULL,
    status TEXT NOT NULL,
    warnings JSONB DEFAULT '[]'::jsonb NOT NULL,
    error JSONB,
    version INTEGER DEFAULT '0' NOT NULL,
    upload INTEGER DEFAULT '1' NOT NULL,
    revision INTEGER DEFAULT '1' NOT NULL,
    content_sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    served_sha256 TEXT,
    chunk_count INTEGER DEFAULT '0' NOT NULL,
    effective_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    supersedes UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id, collection_id) REFERENCES collections (tenant_id, id),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE INDEX documents_external_id ON documents (tenant_id, collection_id, external_id);

CREATE INDEX documents_limited ON documents (tenant_id) WHERE expires_at IS NOT NULL OR effective_at IS NOT NULL OR supersedes IS NOT NULL;

CREATE INDEX documents_metadata ON documents USING gin (metadata jsonb_path_ops);

CREATE INDEX documents_principals ON documents USING gin (principals);

CREATE INDEX documents_sha256 ON documents (tenant_id, content_sha256);

CREATE TABLE document_versions (
    tenant_id UUID NOT NULL,
    document_id UUID NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    parser TEXT NOT NULL,
    parser_version TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT document_versions_pkey PRIMARY KEY (tenant_id, document_id, version),
    FOREIGN KEY(tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX document_versions_sha256 ON document_versions (tenant_id, content_sha256);

CREATE TABLE chunks (
    tenant_id UUID NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    document_id UUID NOT NULL,
    collection_id UUID NOT NULL,
    version INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    text TEXT NOT NULL,
    context TEXT NOT NULL,
    location JSONB NOT NULL,
    principals TEXT[] NOT NULL,
    language TEXT,
    CONSTRAINT chunks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT chunks_document_ordinal_key UNIQUE (tenant_id, document_id, version, ordinal),
    FOREIGN KEY(tenant_id, document_id, version) REFERENCES document_versions (tenant_id, document_id, version) ON DELETE CASCADE
);
