package login_test

import (
	"crypto/rand"
	"regexp"
	"testing"

	"github.com/slipway-ml/slipway/internal/login"
)

func TestSecretsAreRecognizedByTheirForm(t *testing.T) {
	secret, err := login.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^slp_[0-9A-Za-z]{38}$`).MatchString(secret) {
		t.Fatalf("secret %q has not the published form", secret)
	}
	other := byte('a')
	if secret[10] == other {
		other = 'b'
	}
	for name, c := range map[string]struct {
		secret string
		valid  bool
	}{
		"as drawn":         {secret, true},
		"one digit wrong":  {secret[:10] + string(other) + secret[11:], false},
		"cut short":        {secret[:len(secret)-1], false},
		"too long":         {secret + "0", false},
		"another prefix":   {"ghp_" + secret[4:], false},
		"nothing":          {"", false},
		"prefix alone":     {"slp_", false},
		"not of our digit": {secret[:10] + "-" + secret[11:], false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := login.ValidSecret(c.secret); got != c.valid {
				t.Errorf("ValidSecret = %v, want %v", got, c.valid)
			}
		})
	}
}

func TestSecretsAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		secret, err := login.NewSecret(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if seen[secret] || !login.ValidSecret(secret) {
			t.Fatalf("secret %q was drawn before, or is not valid", secret)
		}
		seen[secret] = true
	}
}

func TestOnlyEMailAddressesNamePeople(t *testing.T) {
	for name, want := range map[string]bool{
		"admin@slipway.local": true, "a.b+c@example.com": true,
		"": false, "admin": false, "system:masters": false, "system:serviceaccount:a:b@c": false,
		"Bob@example.com": false, "Bob <bob@example.com>": false, "a@b c": false, "a/b@c": false,
	} {
		if got := login.ValidUser(name); got != want {
			t.Errorf("ValidUser(%q) = %v, want %v", name, got, want)
		}
	}
}
