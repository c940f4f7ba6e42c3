-- An audience is a set of principals that reads some documents together. Vectors name theirs by
-- number, so that an index finds what a caller may read, side by side, however much there is.
CREATE TABLE audiences (
    tenant_id uuid NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    principals text[] NOT NULL,
    principals_sha256 bytea NOT NULL,
    CONSTRAINT audiences_pkey PRIMARY KEY (tenant_id, id),
    -- The hash, since an index entry cannot hold a long list.
    CONSTRAINT audiences_principals_key UNIQUE (tenant_id, principals_sha256),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

GRANT SELECT ON audiences TO footnote_reader;
GRANT SELECT, INSERT ON audiences TO footnote_writer;

-- Whoever writes principals, the number follows from them: nobody can get it wrong.
CREATE FUNCTION footnote_set_audience() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hash bytea := sha256(convert_to(NEW.principals::text, 'UTF8'));
BEGIN
    SELECT id INTO NEW.audience_id FROM public.audiences
        WHERE tenant_id = NEW.tenant_id AND principals_sha256 = hash;
    IF NOT FOUND THEN
        INSERT INTO public.audiences (tenant_id, principals, principals_sha256)
            VALUES (NEW.tenant_id, NEW.principals, hash) ON CONFLICT DO NOTHING;
        -- Another transaction may have been first.
        SELECT id INTO NEW.audience_id FROM public.audiences
            WHERE tenant_id = NEW.tenant_id AND principals_sha256 = hash;
    END IF;
    RETURN NEW;
END;
$$;

-- Spaces made by an earlier release. Their HNSW indexes are built anew: minutes for a million.
SET LOCAL maintenance_work_mem = '2GB';
DO $$
DECLARE
    space record;
    vectors text;
BEGIN
    FOR space IN SELECT name, dimension FROM embedding_spaces LOOP
        vectors := 'vectors_' || space.name;
        -- The owner is subject to row security too.
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', vectors);
        EXECUTE format('DROP INDEX %I', vectors || '_hnsw');
        EXECUTE format('ALTER TABLE %I ADD COLUMN audience_id bigint', vectors);
        EXECUTE format(
            'INSERT INTO audiences (tenant_id, principals, principals_sha256)
             SELECT DISTINCT tenant_id, principals,
                 sha256(convert_to(principals::text, ''UTF8'')) FROM %I
             ON CONFLICT DO NOTHING', vectors);
        EXECUTE format(
            'UPDATE %I AS vectors SET audience_id = audiences.id FROM audiences
             WHERE audiences.tenant_id = vectors.tenant_id
               AND audiences.principals = vectors.principals', vectors);
        -- Rewrites the table, which takes away what the update left behind.
        EXECUTE format(
            'ALTER TABLE %I ALTER COLUMN audience_id SET NOT NULL,
             ADD COLUMN signs bit(%s) NOT NULL
                 GENERATED ALWAYS AS (binary_quantize(embedding)::bit(%s)) STORED,
             SET (autovacuum_vacuum_insert_scale_factor = 0.02)',
            vectors, space.dimension, space.dimension);
        EXECUTE format(
            'CREATE TRIGGER audience BEFORE INSERT OR UPDATE OF principals ON %I
             FOR EACH ROW EXECUTE FUNCTION footnote_set_audience()', vectors);
        EXECUTE format(
            'CREATE INDEX %I ON %I (tenant_id, audience_id)
             INCLUDE (chunk_id, document_id, collection_id, signs)',
            vectors || '_audience', vectors);
        EXECUTE format(
            'CREATE INDEX %I ON %I USING hnsw (embedding halfvec_cosine_ops)
             WITH (m = 16, ef_construction = 64)', vectors || '_hnsw', vectors);
        EXECUTE format('DROP POLICY readable ON %I', vectors);
        EXECUTE format(
            'CREATE POLICY readable ON %I FOR SELECT TO footnote_reader USING (
                 tenant_id = (SELECT footnote_tenant())
                 AND audience_id = ANY (ARRAY(
                     SELECT id FROM audiences WHERE tenant_id = (SELECT footnote_tenant())
                 ))
             )', vectors);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', vectors);
    END LOOP;
END;
$$;

ALTER TABLE audiences ENABLE ROW LEVEL SECURITY;
ALTER TABLE audiences FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON audiences TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
CREATE POLICY readable ON audiences FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND principals && (SELECT footnote_principals())
    );
