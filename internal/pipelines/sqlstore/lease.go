package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

// Acquire takes the leases of up to limit runs that have not ended and that
// nobody advances (free, or over at now), longest free first. The runs carry
// their new Lease.
func (s *Store) Acquire(ctx context.Context, owner string, now, until time.Time, limit int) ([]pipelines.Run, error) {
	var free []string
	err := s.db.Read(ctx, func(tx *sqldb.Tx) error {
		return tx.Rows(`SELECT run_id FROM run_leases WHERE active = 1 AND until <= ? ORDER BY until, run_id LIMIT ?`,
			[]any{sqldb.Micros(now), limit}, func(row sqldb.Scanner) error {
				var id string
				err := row.Scan(&id)
				free = append(free, id)
				return err
			})
	})
	if err != nil || len(free) == 0 {
		return nil, err
	}
	var taken []pipelines.Run
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		for _, id := range free {
			lease := pipelines.Lease{RunID: id, Owner: owner, Until: until}
			// Somebody else may have been faster: then there is no such row.
			err := tx.Row(`UPDATE run_leases SET owner = ?, version = version + 1, until = ?
				WHERE run_id = ? AND active = 1 AND until <= ? RETURNING version`,
				[]any{owner, sqldb.Micros(until), id, sqldb.Micros(now)}, &lease.Version)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("acquire run %s: %w", id, err)
			}
			r, err := get(tx, runTable, "run "+id, "t.id = ?", id)
			if err != nil {
				return err
			}
			r.Lease = lease
			taken = append(taken, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// Renew prolongs the leases that owner still holds, and says which those are.
func (s *Store) Renew(ctx context.Context, owner string, runIDs []string, until time.Time) (kept []string, err error) {
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		for _, id := range runIDs {
			n, err := tx.Exec(`UPDATE run_leases SET until = ? WHERE run_id = ? AND owner = ?`, sqldb.Micros(until), id, owner)
			if err != nil {
				return fmt.Errorf("renew run %s: %w", id, err)
			}
			if n > 0 {
				kept = append(kept, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Release gives a lease back, so that anybody may acquire the run at once. A
// lease that is no longer held is left alone.
func (s *Store) Release(ctx context.Context, lease pipelines.Lease) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE run_leases SET owner = '', until = 0 WHERE run_id = ? AND owner = ? AND version = ?`,
			lease.RunID, lease.Owner, lease.Version)
		return err
	})
}

// Commit writes a change of the lease's run, all of it or nothing. ErrFenced says
// that the lease is held no more (or the run deleted): stop advancing the run.
//
// A run that a user asked to terminate stays CANCELING until it ends, whatever
// state the change was computed from.
func (s *Store) Commit(ctx context.Context, lease pipelines.Lease, c pipelines.Change) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		whose, err := fence(tx, lease, c.Run)
		if err != nil {
			return err
		}
		if c.Run != nil {
			if err := commitRun(tx, lease.RunID, c.Run); err != nil {
				return err
			}
		}
		return commitRows(tx, whose, c)
	})
	if err != nil {
		return fmt.Errorf("commit run %s: %w", lease.RunID, err)
	}
	return nil
}

// fence checks that the lease is held and, on engines with several writers, keeps
// it so until the transaction ends.
func fence(tx *sqldb.Tx, lease pipelines.Lease, run *pipelines.Run) (owner, error) {
	set := "version = version"
	if run != nil && run.State.Final() {
		set = "active = 0"
	}
	var whose owner
	err := tx.Row("UPDATE run_leases SET "+set+" WHERE run_id = ? AND owner = ? AND version = ? RETURNING namespace, created_by",
		[]any{lease.RunID, lease.Owner, lease.Version}, &whose.namespace, &whose.createdBy)
	if errors.Is(err, sql.ErrNoRows) {
		return whose, pipelines.ErrFenced
	}
	return whose, err
}

// commitRun writes the engine's part of a run.
func commitRun(tx *sqldb.Tx, id string, r *pipelines.Run) error {
	var before runKind
	var asked int64
	err := tx.Row(`SELECT namespace, experiment_id, storage_state, state, terminate_requested FROM runs WHERE id = ?`,
		[]any{id}, &before.namespace, &before.experiment, &before.storage, &before.state, &asked)
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	after := before
	after.state = r.State
	if asked != 0 && (r.State == pipelines.Pending || r.State == pipelines.Running) {
		after.state = pipelines.Canceling
	}
	_, err = tx.Exec(`UPDATE runs SET state = ?, error = ?, history = ?, started_at = ?, finished_at = ? WHERE id = ?`,
		string(after.state), sqldb.JSON(r.Error), sqldb.JSON(r.History), sqldb.Micros(r.StartedAt), sqldb.Micros(r.FinishedAt), id)
	if err != nil {
		return fmt.Errorf("update run: %w", err)
	}
	return recount(tx, before, after)
}

func commitRows(tx *sqldb.Tx, whose owner, c pipelines.Change) error {
	for _, t := range c.Tasks {
		if _, err := tx.Exec(taskTable.upsertSQL, taskTable.values(&taskRow{t, whose})...); err != nil {
			return fmt.Errorf("task %s: %w", t.Path, err)
		}
	}
	for _, a := range c.Attempts {
		if _, err := tx.Exec(attemptTable.upsertSQL, attemptTable.values(&attemptRow{a, whose})...); err != nil {
			return fmt.Errorf("attempt %d of task %s: %w", a.Number, a.TaskID, err)
		}
	}
	for _, a := range c.Artifacts {
		a.Namespace = whose.namespace
		if _, err := tx.Exec(artifactTable.upsertSQL, artifactTable.values(&artifactRow{a, whose})...); err != nil {
			return fmt.Errorf("artifact %s: %w", a.ID, err)
		}
	}
	return nil
}
