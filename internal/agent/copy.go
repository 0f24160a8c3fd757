package agent

import (
	"fmt"
	"io"
	"os"
)

// Copy puts this program at target: what the init container does where a cluster
// cannot mount images.
func Copy(target string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("open the agent: %w", err)
	}
	defer func() { _ = self.Close() }()
	tmp := target + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("copy the agent: %w", err)
	}
	if _, err := io.Copy(f, self); err != nil {
		_ = f.Close()
		return fmt.Errorf("copy the agent: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("copy the agent: %w", err)
	}
	return os.Rename(tmp, target)
}
