package plan

// Expr is a compiled CEL expression.
type Expr struct {
	Text string
}
