package children

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Log is a file that is put aside when it has grown: name, name.1, name.2 ...
type Log struct {
	path string
	most int64 // bytes of one file
	keep int   // older files

	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenLog appends to the file at path.
func OpenLog(path string, most int64, keep int) (*Log, error) {
	l := &Log{path: path, most: most, keep: keep}
	return l, l.open()
}

func (l *Log) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write never splits what it is given over two files.
func (l *Log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(data)) > l.most {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(data)
	l.size += int64(n)
	return n, err
}

func (l *Log) rotate() error {
	for i := l.keep; i > 0; i-- {
		from := l.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", l.path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", l.path, i)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errors.Join(l.file.Close(), l.open())
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// Pipe gives a descriptor for a process to write to; what comes is appended to the
// log until the last writer is gone. The caller closes the descriptor.
func (l *Log) Pipe() (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer func() { _ = r.Close() }()
		// A full disk must not block the process at its pipe.
		if _, err := io.Copy(l, r); err != nil {
			_, _ = io.Copy(io.Discard, r)
		}
	}()
	return w, nil
}
