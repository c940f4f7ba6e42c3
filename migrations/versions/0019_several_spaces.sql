-- Several embedding spaces at once: each with what depends on the cosines of its model (NULL: as the
-- settings say, or as it came with the release), and those that are on their way out.
ALTER TABLE embedding_spaces
    ADD COLUMN evidence_floor double precision
        CONSTRAINT embedding_spaces_floor_range CHECK (evidence_floor BETWEEN 0 AND 1),
    ADD COLUMN lexical_weight double precision
        CONSTRAINT embedding_spaces_weight_range CHECK (lexical_weight BETWEEN 0 AND 1),
    ADD COLUMN languages text[],
    ADD COLUMN cosine_slope double precision
        CONSTRAINT embedding_spaces_slope_range CHECK (cosine_slope > 0),
    ADD COLUMN cosine_intercept double precision,
    ADD COLUMN abstention jsonb,
    ADD COLUMN dropped_at timestamptz,
    ADD CONSTRAINT embedding_spaces_current_stays CHECK (NOT is_current OR dropped_at IS NULL);
