CREATE TABLE answer_feedback (
    tenant_id uuid NOT NULL,
    answer_id uuid NOT NULL,
    author text NOT NULL,
    principals text[] NOT NULL,
    rating smallint NOT NULL CONSTRAINT answer_feedback_rating CHECK (rating IN (-1, 1)),
    reason_code text,
    comment text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL,
    CONSTRAINT answer_feedback_pkey PRIMARY KEY (tenant_id, answer_id, author),
    CONSTRAINT answer_feedback_answer_fkey FOREIGN KEY (tenant_id, answer_id)
        REFERENCES answers (tenant_id, id) ON DELETE CASCADE
);
-- Words of people, which the planner's statistics would keep when the row is gone.
ALTER TABLE answer_feedback
    ALTER COLUMN reason_code SET STATISTICS 0,
    ALTER COLUMN comment SET STATISTICS 0;

GRANT SELECT ON answer_feedback TO footnote_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON answer_feedback TO footnote_writer;
ALTER TABLE answer_feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE answer_feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY whole_tenant ON answer_feedback TO footnote_writer
    USING (tenant_id = footnote_tenant());
-- A comment is for those who have every principal that its author had, who may tell in it of what
-- others may not read. Among them are all of the asker's: the author could read the answer.
CREATE POLICY readable ON answer_feedback FOR SELECT TO footnote_reader
    USING (tenant_id = footnote_tenant() AND principals <@ footnote_principals());
