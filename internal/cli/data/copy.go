package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
)

func newCopy(s *term.Streams) *cobra.Command {
	var o common
	cmd := &cobra.Command{
		Use: "cp FROM TO", Short: "Copy a file to the bucket, or an object from it (- is the terminal)", Args: cobra.ExactArgs(2),
		Example: "  slipway data cp taxi.csv s3:raw/taxi.csv\n  slipway data cp s3://admin/raw/taxi.csv -",
		RunE:    func(cmd *cobra.Command, args []string) error { return o.copy(cmd.Context(), s, args[0], args[1]) },
	}
	o.flags(cmd)
	return cmd
}

func (c *common) copy(ctx context.Context, s *term.Streams, from, to string) error {
	src, fromRemote, err := parse(from)
	if err != nil {
		return err
	}
	dst, toRemote, err := parse(to)
	if err != nil {
		return err
	}
	switch {
	case fromRemote && !toRemote:
		return c.download(ctx, s, src, to)
	case toRemote && !fromRemote:
		return c.upload(ctx, s, from, dst)
	default:
		return errors.New("one of FROM and TO is an object (s3:KEY), the other a file")
	}
}

func (c *common) upload(ctx context.Context, s *term.Streams, from string, to object) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder; copy its files one by one", from)
	}
	if to.key == "" || strings.HasSuffix(to.key, "/") {
		to.key = path.Join(to.key, filepath.Base(from))
	}
	cl, err := c.Client()
	if err != nil {
		return err
	}
	if err := cl.WriteData(ctx, to.namespace(c.Namespace), to.key, file, info.Size()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "%s written to s3:%s\n", size(info.Size()), to.key)
	return err
}

// download writes beside the target and renames, so that a broken copy never
// looks like a whole one.
func (c *common) download(ctx context.Context, s *term.Streams, from object, to string) (err error) {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	body, length, err := cl.ReadData(ctx, from.namespace(c.Namespace), from.key)
	if err != nil {
		return err
	}
	defer body.Close()
	if to == "-" {
		_, err = io.Copy(s.Out, body)
		return err
	}
	if info, statErr := os.Stat(to); statErr == nil && info.IsDir() {
		to = filepath.Join(to, path.Base(from.key))
	}
	part, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	n, err := io.Copy(part, body)
	if err == nil && length >= 0 && n != length {
		err = fmt.Errorf("got %d of %d bytes", n, length)
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if err = os.Rename(part.Name(), to); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "%s written to %s\n", size(n), to)
	return err
}
