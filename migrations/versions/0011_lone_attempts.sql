-- How often in a row a job that runs alone ended without a word: only such a job kills its worker.
ALTER TABLE jobs ADD COLUMN lone_attempts integer NOT NULL DEFAULT 0;
