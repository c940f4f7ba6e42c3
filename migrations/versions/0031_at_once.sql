-- Both have the rights of whoever calls them, who takes on a role in them: row security decides.
-- Settings are written out, because a cluster passes on `SET LOCAL` and not a call of set_config.

-- The key that is valid now, and the note that it was used; nothing when there is none.
CREATE FUNCTION footnote_authenticate(
    key_prefix text, key_sha256 text, asked_at timestamptz,
    OUT credential_id uuid, OUT credential_tenant uuid,
    OUT credential_scopes text[], OUT credential_principals text[]
) LANGUAGE plpgsql AS $$
DECLARE
    used_at timestamptz;
BEGIN
    SET LOCAL lock_timeout = '20s';
    SET LOCAL ROLE footnote_system;
    SELECT id, tenant_id, scopes, principals, last_used_at
        INTO credential_id, credential_tenant, credential_scopes, credential_principals, used_at
        FROM public.credentials
        WHERE prefix = key_prefix AND secret_sha256 = key_sha256
            AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > asked_at);
    -- Once a minute, so that reading seldom writes.
    IF FOUND AND (used_at IS NULL OR asked_at - used_at > interval '1 minute') THEN
        UPDATE public.credentials SET last_used_at = asked_at
            WHERE tenant_id = credential_tenant AND id = credential_id
                AND last_used_at IS NOT DISTINCT FROM used_at;
    END IF;
END;
$$;

CREATE FUNCTION footnote_settle_search(
    key_prefix text, key_sha256 text, key_scopes text[], key_principals text[],
    asked_at timestamptz, of_tenant uuid, of_principals text[],
    chunk_ids bigint[], revisions int[], changed timestamptz[],
    OUT is_key_valid boolean, OUT readable bigint[], OUT passages jsonb, OUT generation bigint,
    OUT change_transaction text, OUT changed_document uuid, OUT space text
) LANGUAGE plpgsql AS $$
BEGIN
    IF key_prefix IS NOT NULL THEN
        SELECT credential_tenant = of_tenant AND credential_scopes @> key_scopes
                AND credential_principals = key_principals
            INTO is_key_valid
            FROM public.footnote_authenticate(key_prefix, key_sha256, asked_at);
        IF is_key_valid IS NOT TRUE THEN
            is_key_valid := false;
            RETURN;
        END IF;
    END IF;

    SET LOCAL lock_timeout = '20s';
    SET LOCAL ROLE footnote_reader;
    EXECUTE format('SET LOCAL footnote.tenant_id = %L', of_tenant);
    EXECUTE format('SET LOCAL footnote.principals = %L', of_principals);
    SET LOCAL footnote.owner = '';

    -- The passages are those that the caller holds otherwise, or not at all. A database that was
    -- restored from a backup gives ids and revisions a second time, but not at the same time.
    SELECT array_agg(chunks.id),
           jsonb_agg(jsonb_build_object(
               'id', chunks.id, 'text', chunks.text, 'location', chunks.location,
               'version', chunks.version, 'language', chunks.language,
               'document_id', documents.id, 'revision', documents.revision,
               'external_id', documents.external_id,
               'title', coalesce(documents.title, documents.parsed_title),
               'filename', documents.served_filename, 'source_uri', documents.source_uri,
               'content_sha256', documents.served_sha256, 'updated_at', documents.updated_at,
               'effective_at', documents.effective_at
           )) FILTER (
               WHERE documents.revision IS DISTINCT FROM asked.revision
                   OR documents.updated_at IS DISTINCT FROM asked.updated_at
           )
        INTO readable, passages
        FROM unnest(chunk_ids, revisions, changed) AS asked (chunk_id, revision, updated_at)
        JOIN public.chunks ON chunks.tenant_id = of_tenant AND chunks.id = asked.chunk_id
        JOIN public.documents ON documents.tenant_id = of_tenant
            AND documents.id = chunks.document_id AND documents.version = chunks.version;

    -- Last: when it is that of the memory, nothing was hidden or published before the read above.
    SELECT tenants.generation, changes.xmin::text, changes.document_id, spaces.name
        INTO generation, change_transaction, changed_document, space
        FROM public.tenants
        LEFT JOIN public.index_changes AS changes
            ON changes.tenant_id = of_tenant AND changes.generation = tenants.generation
        LEFT JOIN public.embedding_spaces AS spaces ON spaces.is_current
        WHERE tenants.id = of_tenant;
END;
$$;
