package login

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"time"
)

// TokenPrefix begins every personal token, so that secret scanners find one that leaked.
const TokenPrefix = "slp_"

// A secret has 32 base62 digits (190 bits) and 6 more that are its CRC-32: a
// mistyped or invented token is refused without asking the database.
const (
	secretDigits   = 32
	checksumDigits = 6
	base62         = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Errors of logins and of tokens' stores.
var (
	// ErrUnauthenticated says that the credentials sent are not good.
	ErrUnauthenticated = errors.New("the token is not valid: it is unknown, expired or revoked")
	ErrNoToken         = errors.New("token not found")
)

// Token is a personal token as it is kept: never the secret itself.
type Token struct {
	ID, User, Name string
	Scope          Scope
	// Hash is the SHA-256 of the secret, in hex. The secret is random and long, so a
	// slow hash would add nothing.
	Hash string
	// Home is the user's home profile; only lookups fill it.
	Home                           string
	CreatedAt, ExpiresAt, LastUsed time.Time // zero: never
}

// Expired reports whether the token's time is over.
func (t Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// NewSecret draws a token's secret, slp_ and 38 digits.
func NewSecret(random io.Reader) (string, error) {
	digits := make([]byte, 0, secretDigits)
	var buf [2 * secretDigits]byte
	for len(digits) < secretDigits {
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			return "", err
		}
		for _, b := range buf {
			// 248 is the largest multiple of 62 below 256: no digit is likelier than another.
			if b < 248 && len(digits) < secretDigits {
				digits = append(digits, base62[b%62])
			}
		}
	}
	return TokenPrefix + string(digits) + checksum(string(digits)), nil
}

// ValidSecret reports whether s has the form of a token, checksum included.
func ValidSecret(s string) bool {
	rest, ok := strings.CutPrefix(s, TokenPrefix)
	if !ok || len(rest) != secretDigits+checksumDigits {
		return false
	}
	return checksum(rest[:secretDigits]) == rest[secretDigits:]
}

// HashSecret is what the store keeps of a secret.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func checksum(digits string) string {
	sum := crc32.ChecksumIEEE([]byte(digits))
	var out [checksumDigits]byte
	for i := checksumDigits - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}
