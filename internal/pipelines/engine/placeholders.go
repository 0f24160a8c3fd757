package engine

import (
	"encoding/json"
	"fmt"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
)

// Names of the placeholders that stand for facts about the run and the task.
const (
	varJobName      = "pipeline_job_name"
	varJobResource  = "pipeline_job_resource_name"
	varJobUUID      = "pipeline_job_uuid"
	varTaskName     = "pipeline_task_name"
	varTaskUUID     = "pipeline_task_uuid"
	varRoot         = "pipeline_root"
	varCreateTime   = "pipeline_job_create_time_utc"
	varScheduleTime = "pipeline_job_schedule_time_utc"
)

// variables are the placeholders that are the same for all tasks of the run.
func (m *Machine) variables() map[string]string {
	scheduled := m.run.ScheduledAt
	if scheduled.IsZero() {
		scheduled = m.run.CreatedAt
	}
	return map[string]string{
		varJobName:      m.run.DisplayName,
		varJobResource:  m.plan.Pipeline + "-" + m.run.ID,
		varJobUUID:      m.run.ID,
		varRoot:         m.pipelineRoot(),
		varCreateTime:   timeText(m.run.CreatedAt),
		varScheduleTime: timeText(scheduled),
	}
}

// placeholders are the named ones with their values, for the agent of one task.
func (m *Machine) placeholders(n *node, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	vars := make(map[string]string, len(names))
	for _, name := range names {
		switch name {
		case varTaskName:
			vars[name] = n.row.Name
		case varTaskUUID:
			vars[name] = n.row.ID
		default:
			if text, ok := m.vars[name]; ok {
				vars[name] = text
			}
		}
	}
	return vars
}

// expand resolves the placeholders that name parameters, the run or the task. All
// others stay.
func (m *Machine) expand(n *node, s string, params map[string]pipelines.Value) string {
	return artifact.Expand(s, func(r artifact.Ref) (string, bool) {
		switch {
		case r.Is("inputs", "parameters") && len(r.Path) == 3:
			v, ok := params[r.Path[2]]
			return artifact.Text(v), ok
		case len(r.Path) != 1:
			return "", false
		case r.Path[0] == varTaskName:
			return n.row.Name, true
		case r.Path[0] == varTaskUUID:
			return n.row.ID, true
		}
		text, ok := m.vars[r.Path[0]]
		return text, ok
	})
}

// template resolves the placeholders in a constant. One that is a placeholder and
// nothing else becomes the value itself, with its type.
func (m *Machine) template(n *node, constant artifact.Value, params map[string]pipelines.Value) (artifact.Value, error) {
	if constant[0] == '"' {
		text := artifact.Text(constant)
		if r, whole := artifact.Whole(text); whole && r.Is("inputs", "parameters") && len(r.Path) == 3 {
			if v, ok := params[r.Path[2]]; ok {
				return v, nil
			}
		}
		return artifact.Quote(m.expand(n, text, params)), nil
	}
	var x any
	if err := json.Unmarshal(constant, &x); err != nil {
		return nil, fmt.Errorf("constant: %w", err)
	}
	return m.json.encode(m.templateIn(n, x, params))
}

// templateIn resolves the placeholders in the strings of a list or a struct.
func (m *Machine) templateIn(n *node, x any, params map[string]pipelines.Value) any {
	switch x := x.(type) {
	case string:
		return m.expand(n, x, params)
	case []any:
		for i := range x {
			x[i] = m.templateIn(n, x[i], params)
		}
	case map[string]any:
		for k := range x {
			x[k] = m.templateIn(n, x[k], params)
		}
	}
	return x
}
