-- Specs are stored once for each namespace: a thousand runs of a version share one.
CREATE TABLE specs (
	namespace  TEXT NOT NULL,
	digest     TEXT NOT NULL,
	created_by TEXT NOT NULL,
	body       TEXT NOT NULL,
	PRIMARY KEY (namespace, digest)
);

CREATE TABLE experiments (
	id                  TEXT NOT NULL PRIMARY KEY,
	namespace           TEXT NOT NULL,
	created_by          TEXT NOT NULL,
	display_name        TEXT NOT NULL,
	description         TEXT NOT NULL,
	storage_state       TEXT NOT NULL,
	created_at          BIGINT NOT NULL,
	last_run_created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX experiments_name ON experiments (namespace, display_name);
CREATE INDEX experiments_created ON experiments (namespace, created_at, id, storage_state);
CREATE INDEX experiments_last_run ON experiments (namespace, last_run_created_at, id, storage_state);

CREATE TABLE pipelines (
	id           TEXT NOT NULL PRIMARY KEY,
	namespace    TEXT NOT NULL,
	created_by   TEXT NOT NULL,
	name         TEXT NOT NULL,
	display_name TEXT NOT NULL,
	description  TEXT NOT NULL,
	tags         TEXT NOT NULL,
	created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX pipelines_name ON pipelines (namespace, name);
CREATE INDEX pipelines_created ON pipelines (namespace, created_at, id);
CREATE INDEX pipelines_display_name ON pipelines (namespace, display_name, id);

CREATE TABLE pipeline_versions (
	id              TEXT NOT NULL PRIMARY KEY,
	pipeline_id     TEXT NOT NULL REFERENCES pipelines (id),
	namespace       TEXT NOT NULL,
	created_by      TEXT NOT NULL,
	name            TEXT NOT NULL,
	display_name    TEXT NOT NULL,
	description     TEXT NOT NULL,
	code_source_url TEXT NOT NULL,
	package_url     TEXT NOT NULL,
	tags            TEXT NOT NULL,
	spec            TEXT NOT NULL,
	created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX pipeline_versions_name ON pipeline_versions (pipeline_id, name);
CREATE INDEX pipeline_versions_created ON pipeline_versions (pipeline_id, created_at, id);
CREATE INDEX pipeline_versions_spec ON pipeline_versions (namespace, spec);

-- runs.experiment_id is no foreign key: runs outlive their experiment.
CREATE TABLE runs (
	id                  TEXT NOT NULL PRIMARY KEY,
	namespace           TEXT NOT NULL,
	created_by          TEXT NOT NULL,
	experiment_id       TEXT NOT NULL,
	display_name        TEXT NOT NULL,
	description         TEXT NOT NULL,
	storage_state       TEXT NOT NULL,
	service_account     TEXT NOT NULL,
	pipeline_id         TEXT NOT NULL,
	pipeline_version_id TEXT NOT NULL,
	recurring_run_id    TEXT NOT NULL,
	spec                TEXT NOT NULL,
	parameters          TEXT NOT NULL,
	pipeline_root       TEXT NOT NULL,
	cache_off           BIGINT NOT NULL,
	state               TEXT NOT NULL,
	error               TEXT NOT NULL,
	history             TEXT NOT NULL,
	terminate_requested BIGINT NOT NULL,
	created_at          BIGINT NOT NULL,
	scheduled_at        BIGINT NOT NULL,
	started_at          BIGINT NOT NULL,
	finished_at         BIGINT NOT NULL
);
-- Lists page along these; where run_counts cannot answer, totals are counted in them.
CREATE INDEX runs_created ON runs (namespace, created_at, id, storage_state);
CREATE INDEX runs_experiment ON runs (namespace, experiment_id, created_at, id);
CREATE INDEX runs_experiment_storage ON runs (namespace, experiment_id, storage_state, created_at, id);
CREATE INDEX runs_storage ON runs (namespace, storage_state, created_at, id);
CREATE INDEX runs_state ON runs (namespace, state, created_at, id);
CREATE INDEX runs_name ON runs (namespace, display_name, id, storage_state);
CREATE INDEX runs_finished ON runs (namespace, finished_at, id, storage_state);
CREATE INDEX runs_spec ON runs (namespace, spec);

-- Who advances a run. Apart from runs, so that fencing a write touches a small row.
CREATE TABLE run_leases (
	run_id     TEXT NOT NULL PRIMARY KEY,
	namespace  TEXT NOT NULL,
	created_by TEXT NOT NULL,
	active     BIGINT NOT NULL,
	owner      TEXT NOT NULL,
	version    BIGINT NOT NULL,
	until      BIGINT NOT NULL
);
CREATE INDEX run_leases_free ON run_leases (active, until);

CREATE TABLE tasks (
	run_id          TEXT NOT NULL,
	id              TEXT NOT NULL,
	namespace       TEXT NOT NULL,
	created_by      TEXT NOT NULL,
	parent_id       TEXT NOT NULL,
	name            TEXT NOT NULL,
	display_name    TEXT NOT NULL,
	path            TEXT NOT NULL,
	type            TEXT NOT NULL,
	iteration       BIGINT NOT NULL,
	iteration_count BIGINT NOT NULL,
	state           TEXT NOT NULL,
	error           TEXT NOT NULL,
	history         TEXT NOT NULL,
	why             TEXT NOT NULL,
	inputs          TEXT NOT NULL,
	outputs         TEXT NOT NULL,
	pod_name        TEXT NOT NULL,
	fingerprint     TEXT NOT NULL,
	cached_from     TEXT NOT NULL,
	created_at      BIGINT NOT NULL,
	started_at      BIGINT NOT NULL,
	finished_at     BIGINT NOT NULL,
	PRIMARY KEY (run_id, id)
);

CREATE TABLE attempts (
	run_id      TEXT NOT NULL,
	task_id     TEXT NOT NULL,
	number      BIGINT NOT NULL,
	namespace   TEXT NOT NULL,
	created_by  TEXT NOT NULL,
	pod_name    TEXT NOT NULL,
	input       TEXT NOT NULL,
	state       TEXT NOT NULL,
	error       TEXT NOT NULL,
	outcome     TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	started_at  BIGINT NOT NULL,
	finished_at BIGINT NOT NULL,
	PRIMARY KEY (run_id, task_id, number)
);

CREATE TABLE artifacts (
	id             TEXT NOT NULL PRIMARY KEY,
	namespace      TEXT NOT NULL,
	created_by     TEXT NOT NULL,
	run_id         TEXT NOT NULL,
	task_id        TEXT NOT NULL,
	name           TEXT NOT NULL,
	schema_title   TEXT NOT NULL,
	schema_version TEXT NOT NULL,
	uri            TEXT NOT NULL,
	metadata       TEXT NOT NULL,
	custom_path    TEXT NOT NULL,
	created_at     BIGINT NOT NULL
);
CREATE INDEX artifacts_run ON artifacts (run_id, created_at, id);
CREATE INDEX artifacts_created ON artifacts (namespace, created_at, id);
