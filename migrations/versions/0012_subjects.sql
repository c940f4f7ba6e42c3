-- Whoever asks is a subject, of which an API key is one kind. Answers of earlier releases, and of
-- the previous one while both run, name the key alone.
ALTER TABLE answers
    ADD COLUMN subject text,
    ALTER COLUMN credential_id DROP NOT NULL,
    ADD CONSTRAINT answers_have_an_asker CHECK (subject IS NOT NULL OR credential_id IS NOT NULL);

-- No row is in it yet: one pass over the table, and nothing to sort.
CREATE INDEX answers_subject ON answers (tenant_id, subject, created_at)
    WHERE credential_id IS NULL;
