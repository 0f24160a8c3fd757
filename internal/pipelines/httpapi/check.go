package httpapi

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-ml/slipway/internal/artifact"
)

// Lengths in characters, as upstream's database has them.
const (
	maxName        = 128
	maxDisplayName = 255
	maxDescription = 65535
	maxTag         = 63
	maxTags        = 20
)

// checkName checks what must not be empty.
func checkName(field, value string, limit int) error {
	if strings.TrimSpace(value) == "" {
		return invalid("%s: must not be empty", field)
	}
	return checkText(field, value, limit)
}

// checkText checks what may be empty.
func checkText(field, value string, limit int) error {
	if n := utf8.RuneCountInString(value); n > limit {
		return invalid("%s: %d characters, at most %d are allowed", field, n, limit)
	}
	for _, r := range value {
		if r == utf8.RuneError || (unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r') {
			return invalid("%s: holds a character that is no text (%q)", field, r)
		}
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("tags: %d tags, at most %d are allowed", len(tags), maxTags)
	}
	for key, value := range tags {
		if err := checkName("tags."+key, key, maxTag); err != nil {
			return err
		}
		if err := checkText("tags."+key, value, maxTag); err != nil {
			return err
		}
	}
	return nil
}

// serviceAccountName is RFC 1123's subdomain, as Kubernetes names ServiceAccounts.
var serviceAccountName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

func checkServiceAccount(name string) error {
	if name == "" || (len(name) <= 253 && serviceAccountName.MatchString(name)) {
		return nil
	}
	return invalid("service_account: %q is no name of a ServiceAccount", name)
}

// checkRoot refuses a pipeline root outside the profile's own bucket: a step's key
// opens no other. field says where the root was given.
func (a *API) checkRoot(field, namespace, root string) error {
	if root == "" {
		return nil
	}
	bucket := a.BucketPrefix + namespace
	outside := invalid("%s: %q lies outside of the profile's bucket; use s3://%s/... or leave it empty", field, root, bucket)
	if strings.ContainsAny(root, "?#%\\\x00") {
		return outside
	}
	uri, err := artifact.ParseURI(root)
	if err != nil || uri.Scheme != "s3" || uri.Bucket != bucket {
		return outside
	}
	for segment := range strings.SplitSeq(uri.Key, "/") {
		if segment == ".." || segment == "." {
			return outside
		}
	}
	if uri.Key == ".slipway" || strings.HasPrefix(uri.Key, ".slipway/") {
		return invalid("%s: .slipway is reserved; name another folder", field)
	}
	return nil
}
