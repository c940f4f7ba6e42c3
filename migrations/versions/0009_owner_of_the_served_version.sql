-- The uploader of the version that is served owns the document; who uploaded something newer is
-- remembered beside it, and what the served version's file was like. `person` is whom an uploader
-- acted for, hashed: the user among its principals, or all of them. Unknown for what an earlier
-- release stored.
ALTER TABLE documents
    ADD COLUMN owner_person text,
    ADD COLUMN uploader text,
    ADD COLUMN uploader_person text,
    ADD COLUMN uploaded_at timestamptz,
    ADD COLUMN served_filename text,
    ADD COLUMN served_media_type text,
    ADD COLUMN served_size_bytes bigint;

-- Whoever migrates is subject to row security too.
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY;

UPDATE documents SET uploader = jobs.owner, uploaded_at = jobs.created_at
FROM jobs
WHERE jobs.tenant_id = documents.tenant_id
  AND jobs.document_id = documents.id
  AND jobs.upload = documents.upload;

-- Where nothing is served yet, the newest upload is the document.
UPDATE documents SET owner = jobs.owner
FROM jobs
WHERE jobs.tenant_id = documents.tenant_id
  AND jobs.document_id = documents.id
  AND jobs.upload = CASE documents.version WHEN 0 THEN documents.upload ELSE documents.version END
  AND jobs.owner <> documents.owner;

UPDATE documents SET
    served_media_type = served.media_type,
    served_size_bytes = served.size_bytes,
    served_sha256 = served.content_sha256,
    served_filename = CASE WHEN documents.upload = documents.version THEN documents.filename END
FROM document_versions AS served
WHERE served.tenant_id = documents.tenant_id
  AND served.document_id = documents.id
  AND served.version = documents.version;

UPDATE documents SET
    served_media_type = media_type,
    served_size_bytes = size_bytes,
    served_sha256 = content_sha256,
    served_filename = filename
WHERE version = 0;

ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions FORCE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
