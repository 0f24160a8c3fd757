-- How many runs there are, so that a list's total costs the same for ten runs and
-- for ten million. Kept by the statements that write runs; see counts.go.
CREATE TABLE run_counts (
	namespace     TEXT NOT NULL,
	experiment_id TEXT NOT NULL,
	storage_state TEXT NOT NULL,
	state         TEXT NOT NULL,
	runs          BIGINT NOT NULL,
	PRIMARY KEY (namespace, experiment_id, storage_state, state)
);
INSERT INTO run_counts SELECT namespace, experiment_id, storage_state, state, COUNT(*) FROM runs
	GROUP BY namespace, experiment_id, storage_state, state;
