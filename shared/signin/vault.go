package signin

import (
	"context"
	"time"
)

// Vault is [Secrets] that can be replaced, for credentials that rotate.
type Vault interface {
	Secrets
	// Save replaces an existing secret, completely or not at all, and returns
	// nil only when it is kept.
	Save(ctx context.Context, name string, data []byte) error
}

// forgetful is what [Secrets] implement that remember what they have read.
type forgetful interface {
	// Forget drops what was asked for up to that time and reports whether there
	// was such.
	Forget(name string, upTo time.Time) bool
}

// forget makes the next read of the secrets a real one; it reports whether that
// can bring something new.
func forget(s Secrets, upTo time.Time, names ...string) bool {
	f, ok := s.(forgetful)
	if !ok {
		return false
	}
	dropped := false
	for _, n := range names {
		dropped = f.Forget(n, upTo) || dropped
	}
	return dropped
}
