CREATE TABLE login_users (
	email      TEXT PRIMARY KEY,
	home       TEXT NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE login_tokens (
	id         TEXT PRIMARY KEY,
	email      TEXT NOT NULL REFERENCES login_users (email),
	name       TEXT NOT NULL,
	scope      TEXT NOT NULL,
	hash       TEXT NOT NULL UNIQUE,
	created_by TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	last_used  BIGINT NOT NULL
);

CREATE INDEX login_tokens_email ON login_tokens (email, created_at);
