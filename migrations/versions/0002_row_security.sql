-- Roles belong to the whole server: another database on it may have made them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['footnote_reader', 'footnote_writer', 'footnote_system'] LOOP
        -- A login without the right to create roles finds them made by an administrator.
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS NOSUPERUSER', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, role_name, 'SET') THEN
            EXECUTE format('GRANT %I TO %I', role_name, current_user);
        END IF;
    END LOOP;
END;
$$;

-- An unset variable gives NULL or an empty array, so that a forgotten scope sees nothing.
CREATE FUNCTION footnote_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('footnote.tenant_id', true), '')::uuid;
CREATE FUNCTION footnote_principals() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('footnote.principals', true), ''), '{}')::text[];
CREATE FUNCTION footnote_owner() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('footnote.owner', true), '');

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[
        'tenants', 'credentials', 'collections', 'documents', 'document_versions', 'chunks',
        'index_changes', 'jobs', 'answers', 'answer_documents', 'idempotency_keys', 'audit_events'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA public TO footnote_reader, footnote_writer, footnote_system;

-- The system role: who are the tenants and their keys. Nothing that a document says.
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, credentials TO footnote_system;
GRANT SELECT ON embedding_spaces TO footnote_system, footnote_reader, footnote_writer;
GRANT INSERT ON audit_events TO footnote_system;
CREATE POLICY system_all ON tenants TO footnote_system USING (true);
CREATE POLICY system_all ON credentials TO footnote_system USING (true);
CREATE POLICY system_insert ON audit_events FOR INSERT TO footnote_system WITH CHECK (true);

-- The subselects make Postgres evaluate the setting once for a statement, not once for a row.
CREATE POLICY own ON tenants TO footnote_reader, footnote_writer
    USING (id = (SELECT footnote_tenant()));
CREATE POLICY own ON collections TO footnote_reader, footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY own ON index_changes TO footnote_reader, footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY own ON idempotency_keys TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
-- What is kept is a response, which only the caller that got it may see.
CREATE POLICY own_requests ON idempotency_keys TO footnote_reader
    USING (tenant_id = (SELECT footnote_tenant()) AND owner = (SELECT footnote_owner()));
CREATE POLICY own ON audit_events TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY append ON audit_events FOR INSERT TO footnote_reader
    WITH CHECK (tenant_id = (SELECT footnote_tenant()));

-- The writer sees the whole tenant.
CREATE POLICY whole_tenant ON documents TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON document_versions TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON chunks TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON jobs TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON answers TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY whole_tenant ON answer_documents TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));

-- The reader sees what its principals may read, and what it uploaded itself.
CREATE POLICY readable ON documents FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND (principals && (SELECT footnote_principals()) OR owner = (SELECT footnote_owner()))
    );
CREATE POLICY uploads ON documents FOR INSERT TO footnote_reader
    WITH CHECK (tenant_id = (SELECT footnote_tenant()) AND owner = (SELECT footnote_owner()));
CREATE POLICY readable ON document_versions FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND EXISTS (
            SELECT FROM documents
            WHERE documents.tenant_id = document_versions.tenant_id
              AND documents.id = document_versions.document_id
        )
    );
CREATE POLICY readable ON chunks FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND (
            principals && (SELECT footnote_principals())
            OR (
                (SELECT footnote_owner()) IS NOT NULL
                AND EXISTS (
                    SELECT FROM documents
                    WHERE documents.tenant_id = chunks.tenant_id
                      AND documents.id = chunks.document_id
                      AND documents.owner = footnote_owner()
                )
            )
        )
    );
CREATE POLICY readable ON jobs FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND (
            owner = (SELECT footnote_owner())
            OR EXISTS (
                SELECT FROM documents
                WHERE documents.tenant_id = jobs.tenant_id
                  AND documents.id = jobs.document_id
            )
        )
    );
CREATE POLICY uploads ON jobs FOR INSERT TO footnote_reader
    WITH CHECK (tenant_id = (SELECT footnote_tenant()) AND owner = (SELECT footnote_owner()));

-- An answer is for those who have every principal its asker had.
CREATE POLICY readable ON answers FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND principals <@ (SELECT footnote_principals())
    );
CREATE POLICY writes ON answers FOR INSERT TO footnote_reader
    WITH CHECK (
        tenant_id = (SELECT footnote_tenant())
        AND principals <@ (SELECT footnote_principals())
    );
CREATE POLICY readable ON answer_documents FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND EXISTS (
            SELECT FROM answers
            WHERE answers.tenant_id = answer_documents.tenant_id
              AND answers.id = answer_documents.answer_id
        )
    );
CREATE POLICY writes ON answer_documents FOR INSERT TO footnote_reader
    WITH CHECK (tenant_id = (SELECT footnote_tenant()));

GRANT SELECT ON tenants TO footnote_reader;
GRANT SELECT, UPDATE ON tenants TO footnote_writer;
GRANT SELECT, INSERT ON collections TO footnote_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON collections TO footnote_writer;
GRANT SELECT, INSERT ON documents, jobs, answers, answer_documents TO footnote_reader;
GRANT SELECT ON document_versions, chunks, index_changes TO footnote_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON documents, jobs, answers, answer_documents
    TO footnote_writer;
GRANT SELECT, INSERT, DELETE ON document_versions, index_changes TO footnote_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON chunks TO footnote_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO footnote_reader, footnote_writer;
GRANT INSERT ON audit_events TO footnote_reader;
GRANT SELECT, INSERT ON audit_events TO footnote_writer;

-- A version says what was read on a day; nobody may change that afterwards.
CREATE FUNCTION footnote_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are immutable', TG_TABLE_NAME;
END;
$$;
CREATE TRIGGER document_versions_immutable BEFORE UPDATE ON document_versions
    FOR EACH ROW EXECUTE FUNCTION footnote_refuse_change();
CREATE TRIGGER audit_events_immutable BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION footnote_refuse_change();
