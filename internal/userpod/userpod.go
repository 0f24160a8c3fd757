// Package userpod owns what every pod that is made for a user gets: the trust
// bundle, proxies, Python index settings, the profile's S3 key and a token for
// the product's API. It never overrides what the user set.
//
// It is pure, and knows neither steps nor notebooks: only pod specs.
package userpod

import (
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-ml/slipway/internal/config"
)

// Names of the objects that every profile's namespace holds, and of the label
// that marks the pods made for users.
const (
	KeySecret      = "mlpipeline-minio-artifact"
	KeySecretID    = "accesskey"
	KeySecretKey   = "secretkey"
	TrustConfigMap = "slipway-trust"
	TrustKey       = "ca-bundle.crt"

	PartOf     = "slipway.dev/part-of"
	PartOfUser = "user"
)

// Identity is the folder of the token and the trust bundle: one projected volume,
// because each volume costs a pod's start.
const (
	Identity      = "/var/run/secrets/kubeflow/pipelines"
	TokenAudience = "pipelines.kubeflow.org"
	tokenSeconds  = 7200
	identityName  = "slipway-identity"
)

// Settings are those of the platform. The zero value gives the token and the key.
type Settings struct {
	// Network as pods see it: proxies reachable from pods, no host-only values.
	Network config.Network
	// S3Endpoint and S3Region as pods reach the object store.
	S3Endpoint, S3Region string
}

// Apply adds to every container of the pod what it does not have already. alsoSet
// names variables that the user sets by other means, which are left alone too.
func (s Settings) Apply(spec *corev1.PodSpec, alsoSet ...string) {
	spec.Volumes = append(spec.Volumes, s.identity())
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			s.container(&list[i], alsoSet)
		}
	}
}

func (s Settings) container(c *corev1.Container, alsoSet []string) {
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: identityName, MountPath: Identity, ReadOnly: true})
	set := map[string]bool{}
	for _, name := range alsoSet {
		set[name] = true
	}
	for _, e := range c.Env {
		set[e.Name] = true
	}
	for _, group := range s.env() {
		if anySet(set, group) {
			continue
		}
		c.Env = append(c.Env, group...)
	}
}

// anySet reports whether the user decided on the group. A group is taken whole or
// not at all: half of a foreign key is of no use.
func anySet(set map[string]bool, group []corev1.EnvVar) bool {
	for _, e := range group {
		if set[e.Name] {
			return true
		}
	}
	return false
}

// identity holds the token for our API and the trust bundle.
func (s Settings) identity() corev1.Volume {
	seconds := int64(tokenSeconds)
	sources := []corev1.VolumeProjection{{
		ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: TokenAudience, ExpirationSeconds: &seconds, Path: "token",
		},
	}}
	if s.Network.TrustBundle != "" {
		sources = append(sources, corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: TrustConfigMap},
			Items:                []corev1.KeyToPath{{Key: TrustKey, Path: TrustKey}},
		}})
	}
	return corev1.Volume{Name: identityName, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: sources},
	}}
}

// env lists groups of variables.
func (s Settings) env() [][]corev1.EnvVar {
	groups := [][]corev1.EnvVar{{{Name: "KF_PIPELINES_SA_TOKEN_PATH", Value: Identity + "/token"}}}
	groups = append(groups, s.objects())
	for _, name := range s.trustVars() {
		groups = append(groups, []corev1.EnvVar{{Name: name, Value: Identity + "/" + TrustKey}})
	}
	groups = append(groups, s.proxy()...)
	return append(groups, s.pip()...)
}

func (s Settings) objects() []corev1.EnvVar {
	vars := []corev1.EnvVar{
		FromSecret("AWS_ACCESS_KEY_ID", KeySecret, KeySecretID),
		FromSecret("AWS_SECRET_ACCESS_KEY", KeySecret, KeySecretKey),
	}
	if s.S3Endpoint != "" {
		vars = append(vars, corev1.EnvVar{Name: "AWS_ENDPOINT_URL", Value: s.S3Endpoint})
	}
	if s.S3Region != "" {
		vars = append(vars, corev1.EnvVar{Name: "AWS_REGION", Value: s.S3Region},
			corev1.EnvVar{Name: "AWS_DEFAULT_REGION", Value: s.S3Region})
	}
	return vars
}

// trustVars are the variables by which OpenSSL and Go, requests, pip, curl, the
// AWS SDKs and git find their certificate authorities.
func (s Settings) trustVars() []string {
	if s.Network.TrustBundle == "" {
		return nil
	}
	return []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO"}
}

// proxy sets both spellings: programs differ in which one they read.
func (s Settings) proxy() [][]corev1.EnvVar {
	n := s.Network
	if n.HTTPProxy == "" && n.HTTPSProxy == "" {
		return nil
	}
	direct := []string{n.NoProxy, "localhost,127.0.0.1,.svc,.cluster.local"}
	if u, err := url.Parse(s.S3Endpoint); err == nil && u.Hostname() != "" && u.Scheme == "http" {
		direct = append(direct, u.Hostname()) // the platform's own store, not one outside
	}
	noProxy := strings.Trim(strings.Join(direct, ","), ",")
	var groups [][]corev1.EnvVar
	for _, v := range []struct{ name, value string }{
		{"HTTP_PROXY", n.HTTPProxy}, {"HTTPS_PROXY", n.HTTPSProxy}, {"NO_PROXY", noProxy},
	} {
		if v.value != "" {
			groups = append(groups, []corev1.EnvVar{
				{Name: v.name, Value: v.value}, {Name: strings.ToLower(v.name), Value: v.value},
			})
		}
	}
	return groups
}

func (s Settings) pip() [][]corev1.EnvVar {
	p := s.Network.Pip
	vars := []corev1.EnvVar{
		{Name: "PIP_INDEX_URL", Value: p.IndexURL},
		{Name: "PIP_EXTRA_INDEX_URL", Value: strings.Join(p.ExtraIndexURLs, " ")},
		{Name: "PIP_TRUSTED_HOST", Value: strings.Join(p.TrustedHosts, " ")},
		{Name: "PIP_DISABLE_PIP_VERSION_CHECK", Value: "1"},
		{Name: "PIP_ROOT_USER_ACTION", Value: "ignore"},
	}
	if p.Timeout > 0 {
		vars = append(vars, corev1.EnvVar{Name: "PIP_DEFAULT_TIMEOUT", Value: strconv.Itoa(p.Timeout)})
	}
	var groups [][]corev1.EnvVar
	for _, v := range vars {
		if v.Value != "" {
			groups = append(groups, []corev1.EnvVar{v})
		}
	}
	return groups
}

// FromSecret is a variable whose value is a key of a Secret.
func FromSecret(name, secret, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
	}}}
}
