-- One row for each attempt at a target; nothing of what was said.
CREATE TABLE model_calls (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    session_id UUID NOT NULL,
    feature TEXT NOT NULL,
    operation TEXT NOT NULL,
    alias TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt_name TEXT,
    prompt_version INTEGER,
    attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    is_streamed BOOLEAN NOT NULL,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cached_tokens BIGINT,
    is_estimated BOOLEAN NOT NULL,
    cost_microdollars BIGINT,
    price_version TEXT,
    latency_ms INTEGER NOT NULL,
    first_token_ms INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT model_calls_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

-- What a tenant has spent and reserved on a day (UTC). `granted` names the reservation that was
-- granted last: the statement that reserves finds its own answer there.
CREATE TABLE budget_days (
    tenant_id UUID NOT NULL,
    day DATE NOT NULL,
    spent_microdollars BIGINT NOT NULL,
    reserved_microdollars BIGINT NOT NULL,
    granted UUID,
    CONSTRAINT budget_days_pkey PRIMARY KEY (tenant_id, day),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

CREATE TABLE budget_reservations (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    day DATE NOT NULL,
    microdollars BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT budget_reservations_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX budget_reservations_expiry ON budget_reservations (tenant_id, day, expires_at);

ALTER TABLE model_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_calls FORCE ROW LEVEL SECURITY;
ALTER TABLE budget_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE budget_days FORCE ROW LEVEL SECURITY;
ALTER TABLE budget_reservations ENABLE ROW LEVEL SECURITY;
ALTER TABLE budget_reservations FORCE ROW LEVEL SECURITY;

-- What a tenant spends belongs to no principal: the roles that read documents see none of it.
CREATE POLICY whole_tenant ON model_calls TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON budget_days TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON budget_reservations TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));

-- Nobody changes afterwards what was metered.
GRANT SELECT, INSERT ON model_calls TO footnote_writer;
GRANT SELECT, INSERT, UPDATE ON budget_days TO footnote_writer;
GRANT SELECT, INSERT, DELETE ON budget_reservations TO footnote_writer;
