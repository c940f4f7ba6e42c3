GRANT DELETE ON model_calls, audiences TO footnote_writer;

-- Whatever is configured, and whatever goes wrong: a month's bill can be checked.
CREATE POLICY kept ON model_calls AS RESTRICTIVE FOR DELETE TO footnote_writer
    USING (
        tenant_id = (SELECT footnote_tenant())
        AND created_at < now() - interval '30 days'
    );
