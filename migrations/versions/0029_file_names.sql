-- As kb/file_names.py keeps names of new uploads. Whoever migrates is subject to row security too.
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;

CREATE FUNCTION pg_temp.file_name(sent text) RETURNS text LANGUAGE sql AS $$
    SELECT nullif(nullif(nullif(btrim(regexp_replace(
        regexp_replace(sent, '^.*[/\\]', ''),
        '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]', '', 'g'
    )), ''), '.'), '..')
$$;

UPDATE documents
SET filename = pg_temp.file_name(filename), served_filename = pg_temp.file_name(served_filename)
WHERE filename IS DISTINCT FROM pg_temp.file_name(filename)
   OR served_filename IS DISTINCT FROM pg_temp.file_name(served_filename);

DROP FUNCTION pg_temp.file_name(text);
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
