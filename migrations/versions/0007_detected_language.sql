-- Null until the next version of a document is published, and where no language can be told.
ALTER TABLE documents ADD COLUMN detected_language text;
