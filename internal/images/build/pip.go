package build

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// installScript runs in the sandbox: $1 is the root, $2 the trust bundle, the rest
// are requirements. Byte code is compiled after the sources have got the time
// that they will have in the layer, or Python would compile it again in every pod.
const installScript = `set -eu
root=$1; trust=$2; shift 2
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mkdir -p "$root/run/slipway"
for f in resolv.conf hosts; do
  rm -f "$root/etc/$f"; : > "$root/etc/$f"; cat "/etc/$f" > "$root/etc/$f"
done
cat "$trust" > "$root/run/slipway/ca.pem"
exec chroot "$root" /bin/sh -euc '
  python3 -m pip install --no-compile --no-cache-dir --no-input --progress-bar off --disable-pip-version-check "$@"
  packages=$(python3 -c "import sysconfig; print(sysconfig.get_paths()[\"purelib\"])")
  for p in numpy scipy pandas sklearn; do
    test ! -d "$packages/$p" || find "$packages/$p" -type d -name tests -prune -exec rm -rf {} +
  done
  find "$packages" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  python3 -m compileall -q -j 0 --invalidation-mode timestamp "$packages"
' sh "$@"
`

// hostTrust is where Linux distributions keep their bundle of authorities.
var hostTrust = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"}

// pip writes the layer of Python packages that pip adds to base.
func (b *Builder) pip(ctx context.Context, r Recipe, base v1.Image, work string, layer io.Writer) (string, error) {
	root := filepath.Join(work, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	b.progress("unpacking its base image")
	if err := unpack(ctx, base, root); err != nil {
		return "", fmt.Errorf("unpack base: %w", err)
	}
	before, err := listing(root)
	if err != nil {
		return "", err
	}
	trust := b.Network.TrustBundle
	for _, f := range hostTrust {
		if _, err := os.Stat(f); err == nil && trust == "" {
			trust = f
		}
	}
	if trust == "" {
		trust = os.DevNull
	}
	b.progress("pip install " + strings.Join(r.Pip, " "))
	var installed string
	log := newLines(func(s string) {
		if v, ok := strings.CutPrefix(s, "Successfully installed "); ok {
			installed = v
		}
		if name, ok := strings.CutPrefix(strings.TrimSpace(s), "Downloading "); ok {
			b.progress("pip install: " + filepath.Base(strings.Fields(name)[0]))
		}
	})
	args := append([]string{"sh", "-c", installScript, "sh", root, trust}, r.Pip...)
	err = sandboxed(ctx, program{args: args, env: b.pipEnv(work), stdout: log, stderr: log})
	if err := log.end(err); err != nil {
		return "", fmt.Errorf("pip install: %w", err)
	}
	b.progress("packing the layer")
	if err := packLayer(root, before, layer); err != nil {
		return "", err
	}
	return "pip: " + pinned(installed, r.Pip), nil
}

// pipEnv is env with paths that exist inside the root, and without the ones that do not.
func (b *Builder) pipEnv(work string) []string {
	const bundle = "/run/slipway/ca.pem"
	var env []string
	for _, v := range b.env(work) {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "TMPDIR", "SSL_CERT_DIR", "SSL_CERT_FILE", "PIP_CERT", "PIP_CONFIG_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PATH", "HOME":
			continue
		case "PIP_FIND_LINKS":
			if u, err := url.Parse(value); err != nil || u.Host == "" {
				continue // a folder of the host
			}
		}
		if strings.HasPrefix(name, "PYTHON") || strings.HasPrefix(name, "VIRTUAL_ENV") {
			continue
		}
		env = append(env, v)
	}
	env = append(env, binPath, "HOME=/root", "PIP_ROOT_USER_ACTION=ignore",
		"SSL_CERT_FILE="+bundle, "PIP_CERT="+bundle, "REQUESTS_CA_BUNDLE="+bundle)
	if b.Network.Pip.IndexURL != "" {
		env = append(env, "PIP_INDEX_URL="+b.Network.Pip.IndexURL)
	}
	if urls := b.Network.Pip.ExtraIndexURLs; len(urls) > 0 {
		env = append(env, "PIP_EXTRA_INDEX_URL="+strings.Join(urls, " "))
	}
	if hosts := b.Network.Pip.TrustedHosts; len(hosts) > 0 {
		env = append(env, "PIP_TRUSTED_HOST="+strings.Join(hosts, " "))
	}
	return env
}

// pinned finds the versions that pip chose for the requirements.
func pinned(installed string, want []string) string {
	var out []string
	for _, w := range want {
		name, _, _ := strings.Cut(w, "==")
		for _, i := range strings.Fields(installed) {
			if v, ok := strings.CutPrefix(i, name+"-"); ok && v != "" && v[0] >= '0' && v[0] <= '9' {
				out = append(out, name+" "+v)
			}
		}
	}
	return strings.Join(out, ", ")
}

func unpack(ctx context.Context, img v1.Image, root string) error {
	r := mutate.Extract(img)
	cmd := exec.CommandContext(ctx, "tar", "-x", "--numeric-owner", "-p", "-C", root)
	cmd.Stdin = r
	out, err := cmd.CombinedOutput()
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// layerRoots is where pip writes.
var layerRoots = []string{"usr/local"}

// listing notes every file's size and time, to find what pip adds or changes.
func listing(root string) (map[string]string, error) {
	seen := map[string]string{}
	err := walk(root, func(rel string, d fs.DirEntry) error {
		state, err := fileState(d)
		seen[rel] = state
		return err
	})
	return seen, err
}

func fileState(d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil || d.IsDir() {
		return "folder", err
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano()), nil
}

func walk(root string, each func(rel string, d fs.DirEntry) error) error {
	for _, top := range layerRoots {
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			return each(rel, d)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// packLayer writes the files that are not so in before, new folders included, in
// lexical order.
func packLayer(root string, before map[string]string, out io.Writer) error {
	tw := tar.NewWriter(out)
	err := walk(root, func(rel string, d fs.DirEntry) error {
		state, err := fileState(d)
		if err != nil || before[rel] == state {
			return err
		}
		return packFile(tw, root, rel, d)
	})
	return errors.Join(err, tw.Close())
}

func packFile(tw *tar.Writer, root, rel string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	full := filepath.Join(root, rel)
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(full); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name = filepath.ToSlash(rel)
	if d.IsDir() {
		h.Name += "/"
	}
	h.Uid, h.Gid = 0, 0
	normalize(h)
	if err := tw.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(full)
	if err != nil {
		return err
	}
	_, err = io.Copy(tw, f)
	return errors.Join(err, f.Close())
}
