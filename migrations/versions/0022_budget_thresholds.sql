-- The highest share of the day's limit, in percent, that was reached and told of; 0: none yet.
ALTER TABLE budget_days ADD COLUMN threshold_told smallint NOT NULL DEFAULT 0;
