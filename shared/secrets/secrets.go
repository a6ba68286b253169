// Package secrets reads and writes secrets of AWS Secrets Manager, and remembers
// them for a few minutes: a function that handles a batch asks once, not once
// for each message.
package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"dialtone/shared/signin"
)

// Config describes a [Cache].
type Config struct {
	// Client reaches Secrets Manager. Required.
	Client *secretsmanager.Client
	// Keep is how long a secret is remembered, and also that there is none of
	// that name: the longest time that an unnoticed change takes to count. 0: 5 min.
	Keep time.Duration
	// Limit is the most secrets remembered; the one read first makes room.
	// 0: 1000.
	Limit int
}

const (
	defaultKeep  = 5 * time.Minute
	defaultLimit = 1000
)

// Cache reads each secret once for all who ask at the same time. It implements
// [signin.Vault]. Safe for concurrent use; it starts no goroutines.
type Cache struct {
	cfg Config

	mu    sync.Mutex
	known map[string]*reading
}

// reading is one read of a secret, under way or done. Its results are set before
// done is closed.
type reading struct {
	asked time.Time // wall clock, so that a frozen machine notices the time
	done  chan struct{}
	value []byte
	err   error
}

// New returns an empty cache. It makes no call.
func New(cfg Config) (*Cache, error) {
	var problems []error
	if cfg.Client == nil {
		problems = append(problems, errors.New("no Client given"))
	}
	if cfg.Keep < 0 {
		problems = append(problems, fmt.Errorf("negative Keep %s, want more, or 0 for %s", cfg.Keep, defaultKeep))
	}
	if cfg.Limit < 0 {
		problems = append(problems, fmt.Errorf("negative Limit %d, want 1 or more, or 0 for %d", cfg.Limit, defaultLimit))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("secrets config: %w", err)
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultLimit
	}
	return &Cache{cfg: cfg, known: make(map[string]*reading)}, nil
}

// Secret returns the current value of a secret, given its name or ARN. The error
// of one that does not exist, or is scheduled for deletion, matches
// [signin.ErrNoSecret]. What an operator has to mend, not time, is a
// [*failure.Error] that says how.
func (c *Cache) Secret(ctx context.Context, name string) ([]byte, error) {
	if !possible(name) {
		return nil, fmt.Errorf("%w: %q is no name that Secrets Manager can have", signin.ErrNoSecret, name)
	}
	for {
		r, mine := c.join(name)
		if mine {
			c.read(ctx, name, r)
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("read secret %s: %w", name, ctx.Err())
		}
		if !mine && ended(r.err) && ctx.Err() == nil {
			continue // whoever read gave up; the answer was not for us
		}
		return bytes.Clone(r.value), r.err
	}
}

// Save makes data the current value of an existing secret. When it returns nil
// it is kept; what is read here from then on is data, or later.
func (c *Cache) Save(ctx context.Context, name string, data []byte) error {
	text := string(data)
	_, err := c.cfg.Client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text})
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, name) // also after an error: it may have been saved
	if err != nil {
		return refusal("save secret "+name, err)
	}
	r := &reading{asked: now(), done: make(chan struct{}), value: bytes.Clone(data)}
	close(r.done)
	c.put(name, r)
	return nil
}

// Forget drops what is remembered of a secret that was asked for up to the given
// time, and reports whether there was such. Whoever asks next gets what stands
// there now: use it when a credential was refused, or after a wait for others.
func (c *Cache) Forget(name string, upTo time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.known[name]
	if r == nil || r.asked.After(upTo) {
		return false
	}
	delete(c.known, name)
	return true
}

// join returns the reading to wait for; mine says that the caller has to do it.
func (c *Cache) join(name string) (r *reading, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.known[name]; r != nil && now().Before(r.asked.Add(c.cfg.Keep)) {
		return r, false
	}
	r = &reading{asked: now(), done: make(chan struct{})}
	c.put(name, r)
	return r, true
}

// put makes room and remembers r.
func (c *Cache) put(name string, r *reading) {
	if _, known := c.known[name]; !known && len(c.known) >= c.cfg.Limit {
		first := ""
		for n, old := range c.known {
			if first == "" || old.asked.Before(c.known[first].asked) {
				first = n
			}
		}
		delete(c.known, first)
	}
	c.known[name] = r
}

// read makes the call and ends r. Failures that pass are not remembered.
func (c *Cache) read(ctx context.Context, name string, r *reading) {
	r.err = fmt.Errorf("read secret %s: %w", name, context.Canceled) // should the client panic
	defer func() {
		if r.err != nil && !errors.Is(r.err, signin.ErrNoSecret) {
			c.mu.Lock()
			if c.known[name] == r {
				delete(c.known, name)
			}
			c.mu.Unlock()
		}
		close(r.done)
	}()
	out, err := c.cfg.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	switch {
	case err != nil:
		r.err = refusal("read secret "+name, err)
	case out.SecretString != nil:
		r.value, r.err = []byte(*out.SecretString), nil
	default:
		r.value, r.err = out.SecretBinary, nil
	}
}

// possible reports whether a secret can have this name (AWS Secrets Manager:
// CreateSecret), or whether it looks like an ARN. A user's address, which is a
// part of names, can have other characters.
func possible(name string) bool {
	extra := "/_+=.@-!"
	if strings.HasPrefix(name, "arn:") {
		extra += ":"
	}
	return name != "" && len(name) <= 2048 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(extra, r))
	})
}

// ended reports whether a read failed because its caller's context did.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func now() time.Time { return time.Now().Round(0) }
