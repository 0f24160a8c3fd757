package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// Code is a google.rpc code.
type Code int

// Codes that our APIs answer.
const (
	InvalidArgument    Code = 3
	NotFound           Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	Unauthenticated    Code = 16
)

// statuses as grpc-gateway maps codes.
var statuses = map[Code]int{
	InvalidArgument:    http.StatusBadRequest,
	NotFound:           http.StatusNotFound,
	AlreadyExists:      http.StatusConflict,
	PermissionDenied:   http.StatusForbidden,
	ResourceExhausted:  http.StatusTooManyRequests,
	FailedPrecondition: http.StatusBadRequest,
	Unimplemented:      http.StatusNotImplemented,
	Internal:           http.StatusInternalServerError,
	Unavailable:        http.StatusServiceUnavailable,
	Unauthenticated:    http.StatusUnauthorized,
}

// Error is an answer that is no success. Its message is for the caller.
type Error struct {
	Code    Code
	Message string
	// Status is the HTTP status; 0: the one that belongs to Code.
	Status int
}

func (e *Error) Error() string { return e.Message }

// HTTPStatus is the status that the error answers.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	if status, ok := statuses[e.Code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// errorBody is google.rpc.Status as grpc-gateway writes it.
type errorBody struct {
	Error   string `json:"error"`
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Details []any  `json:"details"`
}

// WriteError answers err. What is no *Error is logged and answered as an internal
// error without its text.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e := asError(r, err)
	Write(w, e.HTTPStatus(), errorBody{Error: e.Message, Code: e.Code, Message: e.Message, Details: []any{}})
}

func asError(r *http.Request, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if r.Context().Err() != nil {
		return &Error{Code: Unavailable, Message: "the request was canceled"}
	}
	slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	return &Error{Code: Internal, Message: "internal error; the server's log has the reason"}
}

// Write answers v as JSON.
func Write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// The status is sent: a caller who has gone away cannot be told anything more.
	_ = encoder.Encode(v)
}

// Handler is a handler that answers a value as JSON, or an error.
type Handler func(r *http.Request) (any, error)

// ServeHTTP answers 200 with the value ({} for nil).
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, err := h(r)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	if v == nil {
		v = struct{}{}
	}
	Write(w, http.StatusOK, v)
}
