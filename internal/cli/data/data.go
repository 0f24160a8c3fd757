// Package data holds the verbs of `slipway data`: the profile's bucket.
package data

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
)

// New returns `slipway data`.
func New(s *term.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", Short: "Look into the profile's bucket, and copy to and from it", GroupID: "work",
		Long: `Works on the bucket of your profile. An object is written s3:KEY, or as the
s3://BUCKET/KEY that runs show; anything else is a file on this machine.`,
	}
	cmd.AddCommand(newList(s), newCopy(s), newRemove(s))
	return cmd
}

type common struct {
	connect.Options
	format term.Format
}

func (c *common) flags(cmd *cobra.Command) { c.Flags(cmd.Flags()) }

// object is one argument that names something in a bucket.
type object struct{ bucket, key string }

// parse reads s3:KEY and s3://BUCKET/KEY; ok is false for a local path.
func parse(arg string) (o object, ok bool, err error) {
	if rest, found := strings.CutPrefix(arg, "s3://"); found {
		bucket, key, _ := strings.Cut(rest, "/")
		if bucket == "" {
			return o, true, fmt.Errorf("%s: there is no bucket in it; want s3://BUCKET/KEY or s3:KEY", arg)
		}
		return object{bucket: bucket, key: key}, true, nil
	}
	if key, found := strings.CutPrefix(arg, "s3:"); found {
		return object{key: strings.TrimPrefix(key, "/")}, true, nil
	}
	return object{}, false, nil
}

// namespace is where the object lies: the one that was asked for, else the one
// that the bucket is called after.
func (o object) namespace(asked string) string {
	if asked != "" || o.bucket == "" {
		return asked
	}
	return o.bucket
}

// size is a number of bytes as people read it.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, exp := float64(n)/unit, 0
	for value >= unit && exp < 4 {
		value /= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[exp])
}
