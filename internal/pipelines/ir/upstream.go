package ir

import (
	"encoding/json"
	"maps"
	"slices"
)

// Upstream are the tasks that t waits for, sorted: dependentTasks, and the
// producers of its inputs whether they are listed there or not.
func (t *Task) Upstream() []string {
	set := map[string]bool{}
	for _, d := range t.DependentTasks {
		set[d] = true
	}
	if t.Inputs != nil {
		for _, p := range t.Inputs.Parameters {
			switch {
			case p.TaskOutputParameter != nil:
				set[p.TaskOutputParameter.ProducerTask] = true
			case p.TaskFinalStatus != nil:
				set[p.TaskFinalStatus.ProducerTask] = true
			}
		}
		for _, a := range t.Inputs.Artifacts {
			if a.TaskOutputArtifact != nil {
				set[a.TaskOutputArtifact.ProducerTask] = true
			}
		}
	}
	if len(set) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(set))
}

// Value is the constant, or nil when there is none.
func (c *Constant) Value() json.RawMessage {
	switch {
	case c.Constant != nil:
		return c.Constant
	case c.ConstantValue == nil:
		return nil
	case c.ConstantValue.IntValue != nil:
		return encode(*c.ConstantValue.IntValue)
	case c.ConstantValue.DoubleValue != nil:
		return encode(*c.ConstantValue.DoubleValue)
	case c.ConstantValue.StringValue != nil:
		return quote(*c.ConstantValue.StringValue)
	default:
		return nil
	}
}

func encode(number any) json.RawMessage {
	data, err := json.Marshal(number)
	if err != nil { // a finite number always encodes
		return nil
	}
	return data
}
