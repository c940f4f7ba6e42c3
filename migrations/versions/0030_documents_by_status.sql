-- The number of documents in each status; of whom and of what they are the system sees nothing.
GRANT SELECT (status) ON documents TO footnote_system;
CREATE POLICY system_reads ON documents FOR SELECT TO footnote_system USING (true);
