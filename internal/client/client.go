// Package client is the Go client of a Slipway server, shared by the command
// line and the end-to-end tests. It speaks the same REST as the official SDKs and
// knows no store and no Kubernetes.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls one server in the name of one token.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New returns a client for the server at base, for example
// http://127.0.0.1:8080. Every call carries token as a bearer token.
func New(base, token string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("server address %q: want http://host:port or https://host", base)
	}
	return &Client{base: u, token: token, http: &http.Client{}}, nil
}

// URL of the server.
func (c *Client) URL() string { return strings.TrimSuffix(c.base.String(), "/") }

// Error is a refusal by the server.
type Error struct {
	HTTPStatus int
	Message    string
}

func (e *Error) Error() string { return e.Message }

// NotFound reports whether err is a server's 404.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.HTTPStatus == http.StatusNotFound
}

const (
	callTimeout = 60 * time.Second
	errorLimit  = 64 << 10
)

// call sends in (nil: no body) as JSON and decodes the answer into out (nil:
// ignored).
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	res, err := c.send(ctx, method, path, query, "application/json", body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: unreadable answer: %w", method, path, err)
	}
	return nil
}

// send returns the response of a call that succeeded; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		return nil, fmt.Errorf("cannot reach %s: %w", c.URL(), err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

func refusal(res *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, errorLimit))
	if err != nil {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	var body struct {
		Message      string `json:"message"`
		Error        string `json:"error"`
		ErrorMessage string `json:"error_message"`
	}
	message := strings.TrimSpace(string(b))
	if json.Unmarshal(b, &body) == nil {
		for _, m := range []string{body.Message, body.Error, body.ErrorMessage} {
			if m != "" {
				message = m
				break
			}
		}
	}
	if message == "" {
		message = res.Status
	}
	if res.StatusCode == http.StatusUnauthorized {
		message += " (the token is missing, expired or revoked: give one with --token-file or SLIPWAY_TOKEN)"
	}
	return &Error{HTTPStatus: res.StatusCode, Message: message}
}
