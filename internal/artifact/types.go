package artifact

// ParamType is the type of a parameter, spelled as in the compiled format.
type ParamType string

// Parameter types.
const (
	Double          ParamType = "NUMBER_DOUBLE"
	Integer         ParamType = "NUMBER_INTEGER"
	String          ParamType = "STRING"
	Boolean         ParamType = "BOOLEAN"
	List            ParamType = "LIST"
	Struct          ParamType = "STRUCT"
	TaskFinalStatus ParamType = "TASK_FINAL_STATUS"
	TaskConfig      ParamType = "TASK_CONFIG"
)

// Valid reports whether t is one of the parameter types.
func (t ParamType) Valid() bool {
	_, ok := typeWords[t]
	return ok
}

// typeWords say what a value of the type is, for people.
var typeWords = map[ParamType]string{
	Double: "a number", Integer: "an integer", String: "a string", Boolean: "true or false",
	List: "a list", Struct: "a struct", TaskFinalStatus: "a task's final status", TaskConfig: "a task configuration",
}

// Word says in words what a value of the type is: "an integer".
func (t ParamType) Word() string { return typeWords[t] }
