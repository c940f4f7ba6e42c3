-- The plans of these functions are the same for any arguments: with sorts and scans of whole tables
-- ruled out only the index that is meant is left. Without this Postgres planned each query of them
-- anew for each job, which took half of their time.
ALTER FUNCTION procrastinate.footnote_fetch_job(
    character varying[], bigint, integer, integer, text
) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION procrastinate.footnote_take_job(
    character varying[], bigint, integer, text, integer, integer
) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION procrastinate.footnote_fetch_oldest(character varying[], bigint, integer)
    SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION procrastinate.footnote_fetch_oldest_work(character varying[], bigint, integer)
    SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION procrastinate.footnote_heaviest(bigint, integer, integer, text)
    SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION procrastinate.footnote_may_work(bigint, integer, text)
    SET plan_cache_mode = force_generic_plan;

-- True when the tenant has a document of this external_id, whoever may read it; until the transaction
-- ends nobody else uploads one. It has the rights of whoever calls it, and looks as the whole tenant:
-- for a new name, which most are, nothing else has to be asked.
CREATE FUNCTION footnote_lock_name(of_tenant uuid, of_collection uuid, name text)
    RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    role_before text := current_setting('role');
    is_taken boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(
        hashtextextended(of_tenant::text || '/' || of_collection::text || '/' || name, 0)
    );
    SET LOCAL ROLE footnote_writer;
    SELECT EXISTS (
        SELECT FROM public.documents
        WHERE tenant_id = of_tenant AND collection_id = of_collection AND external_id = name
    ) INTO is_taken;
    PERFORM set_config('role', role_before, true);
    RETURN is_taken;
END;
$$;
