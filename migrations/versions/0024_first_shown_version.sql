-- The first version that the readers may see: who waited for one must not see those before it.
ALTER TABLE documents ADD COLUMN shown_since integer NOT NULL DEFAULT 1;

ALTER POLICY readable ON document_versions USING (
    tenant_id = (SELECT footnote_tenant())
    AND EXISTS (
        SELECT FROM documents
        WHERE documents.tenant_id = document_versions.tenant_id
          AND documents.id = document_versions.document_id
          AND (
              documents.shown_since <= document_versions.version
              OR documents.owner = (SELECT footnote_owner())
          )
    )
);
