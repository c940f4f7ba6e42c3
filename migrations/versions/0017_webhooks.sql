-- Secrets are kept as they are: each delivery is signed with them. The newest comes first, and those
-- before it sign until they expire. A worker that serves an endpoint has it leased for a while; after
-- a failure nothing is sent to it before it is due again.
CREATE TABLE webhooks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    secrets jsonb NOT NULL,
    is_enabled boolean NOT NULL DEFAULT true,
    disabled_reason text CHECK (disabled_reason IN ('by_request', 'gone', 'failing')),
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    due_at timestamptz NOT NULL DEFAULT 'epoch',
    leased_until timestamptz NOT NULL DEFAULT 'epoch',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhooks_disabled CHECK (is_enabled = (disabled_reason IS NULL)),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

-- The outbox: a row is written in the transaction that it tells of, one for each webhook.
CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed')),
    attempts jsonb NOT NULL DEFAULT '[]'::jsonb,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id, webhook_id),
    CONSTRAINT webhook_deliveries_webhook_fkey FOREIGN KEY (tenant_id, webhook_id)
        REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (tenant_id, webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, due_at)
    WHERE status = 'pending';

GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_deliveries TO footnote_writer;
-- Which endpoints are due, of all tenants; neither their addresses nor what they are told.
GRANT SELECT (tenant_id, id, is_enabled, due_at, leased_until), UPDATE (leased_until) ON webhooks
    TO footnote_system;
GRANT SELECT (tenant_id, webhook_id, status, due_at) ON webhook_deliveries TO footnote_system;

ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON webhooks TO footnote_writer
    USING (tenant_id = footnote_tenant());
CREATE POLICY whole_tenant ON webhook_deliveries TO footnote_writer
    USING (tenant_id = footnote_tenant());
CREATE POLICY system_leases ON webhooks TO footnote_system USING (true);
CREATE POLICY system_reads ON webhook_deliveries FOR SELECT TO footnote_system USING (true);
