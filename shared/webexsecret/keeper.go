// Package webexsecret keeps Webex's credentials in one secret, and lets one
// process at a time renew them.
//
// Webex may answer a refresh with a new refresh token and end the old one. Two
// processes that refresh at the same time would each hold what the other has
// just ended. So a [Keeper] gives the refresh token out only to whoever holds a
// lock in the ledger; all others get the access token alone, which stays good,
// or wait until the holder has saved the new one. See [Keeper.Load] for what a
// crash leaves behind.
package webexsecret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/signin"
	"dialtone/shared/webex"
)

// Secrets are where the credentials are kept.
type Secrets interface {
	// Secret reads the current value.
	Secret(ctx context.Context, name string) ([]byte, error)
	// Save replaces it, completely or not at all.
	Save(ctx context.Context, name string, data []byte) error
}

// forgetful is what [Secrets] implement that remember what they have read.
type forgetful interface {
	Forget(name string, upTo time.Time) bool
}

// Config describes a [Keeper].
type Config struct {
	// Secrets and Name are where the credentials are kept, as the JSON object of
	// [webex.Credentials]. Fields that it does not have stay as they are. Required.
	Secrets Secrets
	Name    string
	// Ledger keeps the lock that all processes share. Required.
	Ledger *ledger.Ledger
	// Hold is how long a process that vanished in a renewal keeps the others
	// from the next one. It must exceed webex.RefresherConfig.Timeout by half. 0: 20 s.
	Hold time.Duration
	// Logger takes a line when the lock could not be given back, or a renewal was
	// overtaken. nil: nothing is logged.
	Logger *slog.Logger
}

const (
	defaultHold = 20 * time.Second
	// pollEvery is about how often those who wait look again.
	pollEvery = 250 * time.Millisecond
)

// Keeper implements [webex.Secrets] for one [webex.Refresher], which makes one
// call at a time.
type Keeper struct {
	cfg  Config
	lock *ledger.Lock      // nil: not held, as far as known
	seen string            // access token given out or saved last
	base webex.Credentials // as given out with the lock
}

// New returns a keeper. It reads nothing yet. The error reports every problem.
func New(cfg Config) (*Keeper, error) {
	var problems []error
	if cfg.Secrets == nil {
		problems = append(problems, errors.New("no Secrets given"))
	}
	if cfg.Name == "" {
		problems = append(problems, errors.New("no Name given"))
	}
	if cfg.Ledger == nil {
		problems = append(problems, errors.New("no Ledger given"))
	}
	if cfg.Hold < 0 {
		problems = append(problems, fmt.Errorf("negative Hold %s, want more, or 0 for %s", cfg.Hold, defaultHold))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("webex secret config: %w", err)
	}
	if cfg.Hold == 0 {
		cfg.Hold = defaultHold
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg}, nil
}

// Load implements [webex.Secrets]. It reads the secret itself, never a memory of
// it. Credentials that are due for renewal come with their refresh token only
// once this process holds the lock; while another does, they come without, or,
// when the caller has had this access token already and found it wanting, after
// the other has saved. It waits for that at most half of the time ctx has left.
//
// The lock ends with Save. A process that dies between the refresh and Save
// keeps the others waiting for Hold, and may take the only copy of a new refresh
// token with it. Where Webex still takes the old one, as it does when it does
// not rotate them, the next process renews as if nothing had happened. Where it
// does not, renewals are refused from then on until an administrator authorises
// the app again; the access token in the secret stays good to its end, which is
// days away, because renewals start at half of its life.
func (k *Keeper) Load(ctx context.Context) (webex.Credentials, error) {
	patience := k.patience(ctx)
	for {
		stored, err := k.read(ctx)
		if err != nil {
			return webex.Credentials{}, err
		}
		if !k.wanting(stored) {
			k.giveBack(ctx)
			return k.give(stored), nil
		}
		taken, err := k.take(ctx)
		other, held := errors.AsType[*ledger.LockedError](err)
		switch {
		case err == nil && taken:
			continue // look again: somebody may have renewed them just before
		case err == nil:
			k.base = stored
			return k.give(stored), nil
		case !held:
			return webex.Credentials{}, fmt.Errorf("lock the webex credentials: %w", err)
		case k.usable(stored):
			stored.RefreshToken = ""
			return k.give(stored), nil
		case time.Now().After(patience):
			return webex.Credentials{}, fmt.Errorf("another process renews the webex credentials: %w", other)
		}
		if err := pause(ctx); err != nil {
			return webex.Credentials{}, fmt.Errorf("wait for another process to renew the webex credentials: %w", err)
		}
	}
}

// Save implements [webex.Secrets], and gives the lock back. Renewed credentials
// are saved even if the lock was lost meanwhile, because they may hold the only
// refresh token that is still good, but never over those of a new authorisation.
func (k *Keeper) Save(ctx context.Context, c webex.Credentials) error {
	raw, err := k.raw(ctx)
	if err != nil {
		raw = nil // not to save would lose more than what else is in there
	}
	if stored, err := decode(raw); err == nil && raw != nil && overtaken(stored, k.base) {
		k.cfg.Logger.WarnContext(ctx, "webex: renewed credentials not saved, the secret has new ones",
			slog.Time("theirs_end", stored.ExpiresAt), slog.Time("ours_end", c.ExpiresAt))
	} else if err := k.write(ctx, raw, c); err != nil {
		return err
	}
	k.give(c)
	k.giveBack(ctx)
	return nil
}

// overtaken reports whether the stored credentials no longer are those that a
// renewal started from.
func overtaken(stored, base webex.Credentials) bool {
	return base.RefreshToken != "" && stored.RefreshToken != base.RefreshToken
}

func (k *Keeper) write(ctx context.Context, old []byte, c webex.Credentials) error {
	data, err := overlay(old, c)
	if err == nil {
		err = k.cfg.Secrets.Save(ctx, k.cfg.Name, data)
	}
	return err
}

// wanting reports whether the credentials could be renewed now. It errs on the
// early side of the Refresher's own rule: what it renews, it renews with the
// lock. Credentials that were given out before come back because the Refresher
// wants others.
func (k *Keeper) wanting(c webex.Credentials) bool {
	const early = time.Minute
	switch {
	case c.RefreshToken == "":
		return false
	case c.AccessToken == "", c.AccessToken == k.seen:
		return true
	}
	return c.Due(time.Now().Add(early))
}

// usable reports whether the access token is good by itself for now.
func (k *Keeper) usable(c webex.Credentials) bool {
	return c.AccessToken != "" && c.AccessToken != k.seen && time.Now().Before(c.ExpiresAt)
}

func (k *Keeper) give(c webex.Credentials) webex.Credentials {
	k.seen = c.AccessToken
	return c
}

// take makes sure that this process holds the lock for a whole renewal from now;
// taken says that it did not hold it before.
func (k *Keeper) take(ctx context.Context) (taken bool, err error) {
	until := time.Now().Add(k.cfg.Hold)
	if k.lock != nil {
		err := k.cfg.Ledger.Extend(ctx, k.lock, until)
		if !errors.Is(err, ledger.ErrFenced) {
			return false, err
		}
	}
	k.lock, err = k.cfg.Ledger.Lock(ctx, "webex/"+k.cfg.Name, until)
	return true, err
}

func (k *Keeper) giveBack(ctx context.Context) {
	if k.lock == nil {
		return
	}
	if err := k.cfg.Ledger.Unlock(ctx, k.lock); err != nil {
		k.cfg.Logger.WarnContext(ctx, "webex: lock of the credentials not given back, others wait for its end", logattr.Error(err))
	}
	k.lock, k.base = nil, webex.Credentials{}
}

// patience is until when to wait for another process: after that too little of
// the context's time would be left for a renewal of one's own.
func (k *Keeper) patience(ctx context.Context) time.Time {
	if end, ok := ctx.Deadline(); ok {
		return time.Now().Add(time.Until(end) / 2)
	}
	return time.Now().Add(k.cfg.Hold)
}

func (k *Keeper) read(ctx context.Context) (webex.Credentials, error) {
	raw, err := k.raw(ctx)
	if errors.Is(err, signin.ErrNoSecret) {
		return webex.Credentials{}, &failure.Error{
			Class: failure.Unavailable, Reason: "there is no secret " + k.cfg.Name + " with Webex's credentials",
			Advice: "Create it, or set WEBEX_SECRET_ID to the name of the one that has them; the request waits on its queue.", Err: err,
		}
	}
	if err != nil {
		return webex.Credentials{}, fmt.Errorf("the secret that WEBEX_SECRET_ID names: %w", err)
	}
	return decode(raw)
}

// raw reads what stands in the secret now.
func (k *Keeper) raw(ctx context.Context) ([]byte, error) {
	if f, ok := k.cfg.Secrets.(forgetful); ok {
		f.Forget(k.cfg.Name, time.Now())
	}
	return k.cfg.Secrets.Secret(ctx, k.cfg.Name)
}

func decode(raw []byte) (c webex.Credentials, err error) {
	if err := json.Unmarshal(raw, &c); err != nil {
		// The error of encoding/json can quote the secret.
		return c, errors.New("the webex secret is not a JSON object with clientId, clientSecret and refreshToken, or with accessToken")
	}
	return c, nil
}

// overlay returns the secret with the fields of c in the place of the old ones.
func overlay(old []byte, c webex.Credentials) ([]byte, error) {
	secret, fields := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal(old, &secret) != nil || secret == nil {
		secret = map[string]json.RawMessage{}
	}
	for _, name := range []string{"accessToken", "expiresAt", "issuedAt"} {
		delete(secret, name) // c may leave out what it does not know
	}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	maps.Copy(secret, fields)
	return json.Marshal(secret)
}

// pause waits for about pollEvery.
func pause(ctx context.Context) error {
	timer := time.NewTimer(pollEvery/2 + rand.N(pollEvery))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
