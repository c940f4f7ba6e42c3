-- What determined an answer besides its request; for operators.
ALTER TABLE answers ADD COLUMN trace jsonb NOT NULL DEFAULT '{}'::jsonb;
CREATE INDEX answers_caller ON answers (tenant_id, credential_id, created_at);

-- Set for streamed answers only.
ALTER TABLE answers
    ADD COLUMN owner text,
    ADD COLUMN request_sha256 text,
    ADD COLUMN alive_at timestamp with time zone,
    ADD COLUMN followed_at timestamp with time zone;

CREATE INDEX answers_request ON answers (tenant_id, owner, request_sha256, created_at)
    WHERE owner IS NOT NULL;
CREATE INDEX answers_running ON answers (tenant_id, created_at)
    WHERE status IN ('running', 'failed');

CREATE TABLE answer_events (
    tenant_id uuid NOT NULL,
    answer_id uuid NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    data jsonb,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT answer_events_pkey PRIMARY KEY (tenant_id, answer_id, number),
    CONSTRAINT answer_events_answer_fkey FOREIGN KEY (tenant_id, answer_id)
        REFERENCES answers (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE answer_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE answer_events FORCE ROW LEVEL SECURITY;

CREATE POLICY whole_tenant ON answer_events TO footnote_writer
    USING (tenant_id = (SELECT footnote_tenant()));
-- An event is for those who may see its answer.
CREATE POLICY readable ON answer_events FOR SELECT TO footnote_reader
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND EXISTS (
            SELECT FROM answers
            WHERE answers.tenant_id = answer_events.tenant_id
              AND answers.id = answer_events.answer_id
        )
    );

GRANT SELECT ON answer_events TO footnote_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON answer_events TO footnote_writer;
