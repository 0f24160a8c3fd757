package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/rest"
)

// translate gives an error of the stores its code.
func translate(err error) error {
	var own *rest.Error
	var list *sqlstore.InvalidError
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.As(err, &list):
		return rest.Errorf(rest.InvalidArgument, "%s", list.Message)
	case errors.Is(err, pipelines.ErrNotFound):
		return rest.Errorf(rest.NotFound, "%v", err)
	case errors.Is(err, pipelines.ErrExists):
		return rest.Errorf(rest.AlreadyExists, "%v", err)
	case errors.Is(err, pipelines.ErrConflict):
		return rest.Errorf(rest.FailedPrecondition, "%s", strings.TrimSuffix(err.Error(), ": "+pipelines.ErrConflict.Error()))
	default:
		return err
	}
}

// handle is a handler that answers JSON.
func handle(do func(*http.Request) (any, error)) http.Handler {
	return rest.Handler(func(r *http.Request) (any, error) {
		v, err := do(r)
		return v, translate(err)
	})
}

func fail(w http.ResponseWriter, r *http.Request, err error) {
	rest.WriteError(w, r, translate(err))
}

func invalid(format string, args ...any) error {
	return rest.Errorf(rest.InvalidArgument, format, args...)
}
