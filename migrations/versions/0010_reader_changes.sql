-- How often something changed that a principal may read, or could before. A caller's generation is the
-- sum over their principals: the tenant's own would tell of changes to what they cannot see.
CREATE TABLE reader_changes (
    tenant_id uuid NOT NULL,
    principal text NOT NULL,
    changes bigint NOT NULL,
    CONSTRAINT reader_changes_pkey PRIMARY KEY (tenant_id, principal),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

-- Every caller has this principal: no number that somebody has seen goes down.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
INSERT INTO reader_changes (tenant_id, principal, changes)
    SELECT id, 'tenant:*', generation FROM tenants;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;

GRANT SELECT ON reader_changes TO footnote_reader;
GRANT SELECT, INSERT, UPDATE ON reader_changes TO footnote_writer;

ALTER TABLE reader_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE reader_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON reader_changes TO footnote_writer
    USING (tenant_id = footnote_tenant());
CREATE POLICY own ON reader_changes FOR SELECT TO footnote_reader
    USING (tenant_id = footnote_tenant() AND principal = ANY (footnote_principals()));
