package podlogs

import (
	"errors"
	"io"
)

// archiveReader reads the chunks of an archived log one after the other.
type archiveReader struct {
	keys []string // in order; the chunks not yet opened
	open func(key string) (io.ReadCloser, error)
	body io.ReadCloser
}

func (a *archiveReader) Read(p []byte) (int, error) {
	for {
		if a.body == nil {
			if len(a.keys) == 0 {
				return 0, io.EOF
			}
			body, err := a.open(a.keys[0])
			if err != nil {
				return 0, err
			}
			a.body, a.keys = body, a.keys[1:]
		}
		n, err := a.body.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := a.Close(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (a *archiveReader) Close() error {
	if a.body == nil {
		return nil
	}
	body := a.body
	a.body = nil
	return body.Close()
}

// lateReader opens at the first read, which may take long.
type lateReader struct {
	open func() (io.ReadCloser, error)
	body io.ReadCloser
}

func (l *lateReader) Read(p []byte) (int, error) {
	if l.body == nil {
		body, err := l.open()
		if err != nil {
			return 0, err
		}
		l.body = body
	}
	return l.body.Read(p)
}

func (l *lateReader) Close() error {
	if l.body == nil {
		return nil
	}
	return l.body.Close()
}
