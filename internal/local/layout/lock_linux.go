package layout

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another supervisor has the folder.
var ErrHeld = errors.New("the data folder is in use by a running instance")

// Lock keeps the folder for one supervisor. The kernel frees it when the holder
// ends, however it ends.
func (d Dir) Lock() (*os.File, error) {
	file, err := os.OpenFile(d.Path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w: %s", ErrHeld, d)
		}
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
