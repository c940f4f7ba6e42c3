-- A transaction of one call: `FROM footnote_enter(...) AS entered, LATERAL f(entered.tenant, ...)`,
-- which Postgres plans once for a connection and not for each call. All have the rights of whoever
-- calls them: row security decides. What one stores may be stored twice, as when an answer is lost
-- and the call is made again; then it is there once.

-- Takes on a role, a tenant and a reader, and how long to wait for a lock, for the rest of the
-- transaction.
CREATE FUNCTION footnote_enter(
    lock_patience text, as_role text, of_tenant uuid, of_principals text[], of_owner text,
    OUT tenant uuid
) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL lock_timeout = %L', lock_patience);
    EXECUTE format('SET LOCAL ROLE %I', as_role);
    EXECUTE format('SET LOCAL footnote.tenant_id = %L', of_tenant);
    EXECUTE format('SET LOCAL footnote.principals = %L', of_principals);
    EXECUTE format('SET LOCAL footnote.owner = %L', of_owner);
    tenant := of_tenant;
END;
$$;

-- An answer, what it shows, and that somebody asked. False when not all of it may be read by these
-- principals; null: by the whole tenant.
CREATE FUNCTION footnote_store_answer(
    of_tenant uuid, of_answer uuid, asker text, credential uuid, asked_as text[],
    asked jsonb, answered jsonb, answer_status text, at_generation bigint, asked_at timestamptz,
    answer_trace jsonb, shown uuid[], readers text[],
    event_id uuid, event_action text, event_actor text, event_principals text[], event_request text,
    OUT is_readable boolean
) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.answers
            (tenant_id, id, subject, credential_id, principals, request, response, status,
             generation, created_at, trace)
        VALUES (of_tenant, of_answer, asker, credential, asked_as, asked, answered, answer_status,
                at_generation, asked_at, answer_trace)
        ON CONFLICT DO NOTHING;
    INSERT INTO public.answer_documents (tenant_id, answer_id, document_id)
        SELECT of_tenant, of_answer, unnest(shown)
        ON CONFLICT DO NOTHING;
    INSERT INTO public.audit_events
            (tenant_id, id, action, actor, principals, object_id, request_id, detail)
        VALUES (of_tenant, event_id, event_action, event_actor, event_principals,
                of_answer::text, event_request,
                jsonb_build_object('status', answer_status))
        ON CONFLICT DO NOTHING;
    is_readable := NOT EXISTS (
        SELECT FROM unnest(shown) AS cited (id)
        WHERE NOT EXISTS (
            SELECT FROM public.documents
            WHERE documents.tenant_id = of_tenant AND documents.id = cited.id
              AND (readers IS NULL OR documents.principals && readers)
        )
    );
END;
$$;

-- An answer that is about to be made, and the first event of its stream.
CREATE FUNCTION footnote_begin_answer(
    of_tenant uuid, of_answer uuid, asker text, credential uuid, asked_as text[],
    asked jsonb, asked_at timestamptz, stream_owner text, stream_request text,
    first_name text, first_data jsonb, OUT is_begun boolean
) LANGUAGE plpgsql AS $$
DECLARE
    entered_as text := current_user;
BEGIN
    INSERT INTO public.answers
            (tenant_id, id, subject, credential_id, principals, request, response, status,
             generation, created_at, trace, owner, request_sha256, alive_at, followed_at)
        VALUES (of_tenant, of_answer, asker, credential, asked_as, asked, '{}', 'running',
                0, asked_at, '{}', stream_owner, stream_request, asked_at, asked_at)
        ON CONFLICT DO NOTHING;
    -- Readers may store answers, and not events.
    SET LOCAL ROLE footnote_writer;
    INSERT INTO public.answer_events (tenant_id, answer_id, number, name, data)
        VALUES (of_tenant, of_answer, 1, first_name, first_data)
        ON CONFLICT DO NOTHING;
    EXECUTE format('SET LOCAL ROLE %I', entered_as);
    is_begun := true;
END;
$$;

-- All that is to be told of an answer: its events, the documents that they show, and what it comes
-- to. Then whether these principals may read all that it has shown so far; null: nobody asks.
-- An event without a number comes behind all others. What has ended stays as it is: then nothing is
-- stored, unless the call ends it as it has ended, which is the same call made again.
CREATE FUNCTION footnote_tell_answer(
    of_tenant uuid, of_answer uuid, told_at timestamptz, events jsonb, shown uuid[],
    new_status text, new_response jsonb, new_trace jsonb, new_generation bigint, readers text[],
    event_id uuid, event_action text, event_actor text, event_principals text[], event_request text,
    OUT is_stored boolean, OUT is_readable boolean
) LANGUAGE plpgsql AS $$
DECLARE
    entered_as text := current_user;
BEGIN
    UPDATE public.answers
        SET alive_at = told_at,
            status = coalesce(new_status, status),
            response = coalesce(new_response, response),
            trace = coalesce(new_trace, trace),
            generation = coalesce(new_generation, generation)
        WHERE tenant_id = of_tenant AND id = of_answer
            AND (status = 'running' OR status = new_status AND new_status <> 'failed');
    is_stored := FOUND;
    is_readable := false;
    IF NOT is_stored THEN
        RETURN;
    END IF;
    INSERT INTO public.answer_documents (tenant_id, answer_id, document_id)
        SELECT of_tenant, of_answer, unnest(shown)
        ON CONFLICT DO NOTHING;
    INSERT INTO public.answer_events (tenant_id, answer_id, number, name, data)
        SELECT of_tenant, of_answer, coalesce(told.number, last.number + 1), told.name, told.data
        FROM jsonb_to_recordset(events) AS told (number int, name text, data jsonb),
             LATERAL (
                 SELECT coalesce(max(number), 0) AS number FROM public.answer_events
                 WHERE tenant_id = of_tenant AND answer_id = of_answer AND told.number IS NULL
             ) AS last
        ON CONFLICT DO NOTHING;
    IF event_id IS NOT NULL THEN
        INSERT INTO public.audit_events
                (tenant_id, id, action, actor, principals, object_id, request_id, detail)
            VALUES (of_tenant, event_id, event_action, event_actor, event_principals,
                    of_answer::text, event_request, jsonb_build_object('status', new_status))
            ON CONFLICT DO NOTHING;
    END IF;
    IF readers IS NULL THEN
        RETURN;
    END IF;

    -- Last, and as the readers themselves: what may be told is told at once.
    SET LOCAL ROLE footnote_reader;
    EXECUTE format('SET LOCAL footnote.principals = %L', readers);
    is_readable := EXISTS (
        SELECT FROM public.answers WHERE tenant_id = of_tenant AND id = of_answer
    ) AND NOT EXISTS (
        SELECT FROM public.answer_documents AS seen
        WHERE seen.tenant_id = of_tenant AND seen.answer_id = of_answer
            AND NOT EXISTS (
                SELECT FROM public.documents
                WHERE documents.tenant_id = of_tenant AND documents.id = seen.document_id
                    AND documents.principals && readers
            )
    );
    EXECUTE format('SET LOCAL ROLE %I', entered_as);
    SET LOCAL footnote.principals = '{}';
END;
$$;
