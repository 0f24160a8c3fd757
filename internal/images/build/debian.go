package build

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// debian writes a Debian root file system as a layer and says from what.
func (b *Builder) debian(ctx context.Context, r Recipe, work string, layer io.Writer) (string, error) {
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return "", errors.New("mmdebstrap is not installed; on Debian or Ubuntu: sudo apt-get install -y mmdebstrap debian-archive-keyring")
	}
	sources, mirror, err := aptSources(r.Suite)
	if err != nil {
		return "", err
	}
	args, err := mmdebstrapArgs(ctx, r, work, sources)
	if err != nil {
		return "", err
	}
	pr, pw := io.Pipe()
	log := newLines(func(s string) {
		if step, ok := strings.CutPrefix(s, "I: "); ok {
			b.progress(step)
		}
	})
	ran := make(chan error, 1)
	go func() {
		err := sandboxed(ctx, program{args: args, env: b.env(work), stdout: pw, stderr: log})
		err = log.end(err)
		_ = pw.CloseWithError(err)
		ran <- err
	}()
	f := newFilter(r)
	ferr := f.run(pr, layer)
	_ = pr.CloseWithError(ferr)
	if err := <-ran; err != nil && ferr != nil {
		return "", fmt.Errorf("mmdebstrap: %w", err)
	}
	if ferr != nil {
		return "", fmt.Errorf("root file system: %w", ferr)
	}
	return fmt.Sprintf("Debian %s packages (%s) from %s", r.Suite, f.versions(), mirror), nil
}

func mmdebstrapArgs(ctx context.Context, r Recipe, work string, sources []string) ([]string, error) {
	acquire := filepath.Join(work, "acquire.conf")
	if err := os.WriteFile(acquire, aptAcquire(ctx), 0o644); err != nil {
		return nil, err
	}
	args := []string{
		"mmdebstrap", "--mode=root", "--variant=apt", "--format=tar",
		"--aptopt=" + acquire,
		"--include=" + strings.Join(r.Packages, ","),
	}
	if r.BusyBox {
		// The package alone: nothing is run in the new root.
		args[2] = "--variant=extract"
	}
	return append(append(args, r.Suite, "-"), sources...), nil
}

// env is the environment of a build: the host's, which carries its proxy and
// trust, with what the configuration says instead.
func (b *Builder) env(work string) []string {
	env := append(os.Environ(), "TMPDIR="+work, "SOURCE_DATE_EPOCH="+strconv.FormatInt(Epoch.Unix(), 10),
		"LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
	for _, v := range [][2]string{
		{"http_proxy", b.Network.HTTPProxy}, {"https_proxy", b.Network.HTTPSProxy}, {"no_proxy", b.Network.NoProxy},
	} {
		if v[1] != "" {
			env = append(env, v[0]+"="+v[1], strings.ToUpper(v[0])+"="+v[1])
		}
	}
	return env
}

// filter makes a layer out of a root file system's tar: without caches, manuals
// and what the host left in it, and with no time later than Epoch.
type filter struct {
	recipe Recipe
	status []byte // /var/lib/dpkg/status
}

func newFilter(r Recipe) *filter { return &filter{recipe: r} }

func (f *filter) run(in io.Reader, out io.Writer) error {
	tr, tw := tar.NewReader(in), tar.NewWriter(out)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := f.member(tw, h, tr); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	if f.recipe.BusyBox {
		if err := busyboxTree(tw); err != nil {
			return err
		}
	}
	for _, p := range sortedKeys(f.recipe.Links) {
		h := &tar.Header{Name: p, Linkname: f.recipe.Links[p], Typeflag: tar.TypeSymlink, Mode: 0o777, ModTime: Epoch}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
	}
	// The end of the pipe, or its writer waits for ever.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	return tw.Close()
}

func (f *filter) member(tw *tar.Writer, h *tar.Header, r io.Reader) error {
	p := strings.Trim(strings.TrimPrefix(h.Name, "./"), "/")
	if p == "var/lib/dpkg/status" {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		f.status = data
		r = strings.NewReader(string(data))
	}
	if p == "" || dropped(p) || (f.recipe.BusyBox && !busyboxKeeps(p)) {
		return nil
	}
	h.Name = p
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	h.Linkname = strings.TrimPrefix(h.Linkname, "./")
	normalize(h)
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(tw, r)
	return err
}

// normalize removes what differs between two builds.
func normalize(h *tar.Header) {
	if h.ModTime.After(Epoch) {
		h.ModTime = Epoch
	}
	h.AccessTime, h.ChangeTime = zero, zero
	h.Uname, h.Gname = "", ""
	h.PAXRecords, h.Format = nil, tar.FormatUnknown
}
