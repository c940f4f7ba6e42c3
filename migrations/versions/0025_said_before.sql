-- What the assistant said before are words of documents that nobody can name any more, and that may
-- have been deleted since. A hash stands for each such turn; of what a model wrote and nothing proves
-- it is not known whether it repeats one.
ALTER TABLE answers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY;

UPDATE answers SET
    request = jsonb_set(request, '{history}', (
        SELECT jsonb_agg(
            CASE WHEN turn ->> 'role' = 'assistant' THEN jsonb_build_object(
                'role', 'assistant',
                'content_sha256',
                encode(sha256(convert_to(turn ->> 'content', 'UTF8')), 'hex')
            ) ELSE turn END
            ORDER BY number
        )
        FROM jsonb_array_elements(request -> 'history') WITH ORDINALITY AS turns (turn, number)
    )),
    trace = CASE
        WHEN trace -> 'rejected' = '[]' AND NOT trace @? '$.claims[*].draft' THEN trace
        ELSE trace - 'claims'
    END
WHERE request -> 'history' @> '[{"role": "assistant"}]';

CREATE FUNCTION pg_temp.without_said(response jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_set(response, '{handover,history}', coalesce(
        jsonb_agg(turn ORDER BY number) FILTER (WHERE turn ->> 'role' = 'user'), '[]'
    ))
    FROM jsonb_array_elements(response #> '{handover,history}')
        WITH ORDINALITY AS turns (turn, number)
$$;

UPDATE answers SET response = pg_temp.without_said(response)
WHERE response #> '{handover,history}' @> '[{"role": "assistant"}]';
UPDATE idempotency_keys SET response = pg_temp.without_said(response)
WHERE response #> '{handover,history}' @> '[{"role": "assistant"}]';

DROP FUNCTION pg_temp.without_said(jsonb);
ALTER TABLE answers FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
