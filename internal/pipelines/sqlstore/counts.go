package sqlstore

import (
	"fmt"
	"slices"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

// countedColumns are those of run_counts, which has them in common with runs.
var countedColumns = []string{"namespace", "experiment_id", "storage_state", "state"}

// runKind is what run_counts tells apart.
type runKind struct {
	namespace, experiment string
	storage               pipelines.StorageState
	state                 pipelines.State
}

func kindOf(r *pipelines.Run) runKind {
	return runKind{r.Namespace, r.ExperimentID, r.StorageState, r.State}
}

// count adds to the number of runs of a kind.
func count(tx *sqldb.Tx, k runKind, more int) error {
	_, err := tx.Exec(`INSERT INTO run_counts (namespace, experiment_id, storage_state, state, runs) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (namespace, experiment_id, storage_state, state) DO UPDATE SET runs = run_counts.runs + excluded.runs`,
		k.namespace, k.experiment, string(k.storage), string(k.state), more)
	if err != nil {
		return fmt.Errorf("count runs: %w", err)
	}
	return nil
}

// recount is count for a run that became of another kind.
func recount(tx *sqldb.Tx, before, after runKind) error {
	if before == after {
		return nil
	}
	if err := count(tx, before, -1); err != nil {
		return err
	}
	return count(tx, after, 1)
}

// countArchived moves all runs of an experiment to the archived ones.
func countArchived(tx *sqldb.Tx, namespace, experiment string) error {
	_, err := tx.Exec(`INSERT INTO run_counts SELECT namespace, experiment_id, 'ARCHIVED', state, runs FROM run_counts
		WHERE namespace = ? AND experiment_id = ? AND storage_state = 'AVAILABLE'
		ON CONFLICT (namespace, experiment_id, storage_state, state) DO UPDATE SET runs = run_counts.runs + excluded.runs`,
		namespace, experiment)
	if err == nil {
		_, err = remove(tx, "run_counts", "namespace = ? AND experiment_id = ? AND storage_state = 'AVAILABLE'", namespace, experiment)
	}
	return err
}

// total is how many rows meet the conditions: by run_counts where it knows all the
// columns that are asked for, else by counting.
func total[T any](tx *sqldb.Tx, t *table[T], where conditions) (n int, err error) {
	query := "SELECT COUNT(*) FROM " + t.name + " t WHERE " + where.String()
	if t.name == "runs" && !slices.ContainsFunc(where.columns, func(c string) bool { return !slices.Contains(countedColumns, c) }) {
		query = "SELECT CAST(COALESCE(SUM(t.runs), 0) AS BIGINT) FROM run_counts t WHERE " + where.String()
	}
	err = tx.Row(query, where.args, &n)
	return n, err
}
