package webex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/logattr"
)

// Secrets keeps one set of Credentials, such as an entry of a secret store.
type Secrets interface {
	// Load returns what was saved last, by any process.
	Load(ctx context.Context) (Credentials, error)
	// Save replaces it, completely or not at all.
	Save(ctx context.Context, c Credentials) error
}

// RefresherConfig says where tokens are kept and renewed.
// Secrets is required; everything else has a default.
type RefresherConfig struct {
	BaseURL   string        // as Config.BaseURL
	AllowHTTP bool          // as Config.AllowHTTP
	HTTP      *http.Client  // sends the refresh; nil: a client with http.DefaultTransport
	Secrets   Secrets       // required
	Timeout   time.Duration // for one renewal: load and refresh; the save has a quarter more. 0: 8 s
	Logger    *slog.Logger  // hears of renewals; nil: nothing is logged
}

const (
	defaultRefreshTimeout = 8 * time.Second
	// afterFailure is the least time between two attempts to renew, so that an
	// outage or a dead refresh token does not cost a call for every request.
	afterFailure = 5 * time.Second
	// afterDenial is the same after a refusal, which ends only when somebody saves
	// other credentials.
	afterDenial = time.Minute
	// newTokenAge is how old a token must be before its refusal is taken for its
	// end: a token just issued may not have reached every server, and refreshing
	// again would not help one that lacks a permission.
	newTokenAge = 5 * time.Second
)

// Refresher is a [TokenSource] that renews the access token with the OAuth
// refresh grant. It renews at half of the token's life, or a day before its end
// when its age is not known; every refresh also starts the 90 days of the
// refresh token anew. Renewed credentials are saved before they are used.
//
// One caller renews, the others wait for it, each as long as its own context
// allows. A renewal that has begun is finished even if its caller gives up
// meanwhile: broken off, it could lose the only copy of a rotated refresh token.
// It runs in that caller's call; there is no goroutine of its own. So it asks for
// no longer than until that caller's deadline, and is not begun when less than a
// quarter of RefresherConfig.Timeout is left until then.
//
// Before it renews, and after Webex refuses the refresh token, it loads the
// credentials again, since another process may have renewed them. A refresh token
// that Webex refused (400, 401) is not tried again; the Refresher recovers when
// other credentials are saved.
//
// All errors are of type *[Error]. Safe for concurrent use.
type Refresher struct {
	endpoint *url.URL
	http     *http.Client
	secrets  Secrets
	timeout  time.Duration
	log      *slog.Logger

	turn chan struct{} // holds one entry while somebody uses the fields below

	now      Credentials
	unsaved  bool      // now could not be saved yet
	dead     *verdict  // what Webex refused last, nil if nothing
	after    time.Time // no attempt before this time
	lastFail error     // of the last attempt
}

// verdict is a grant that Webex refused, and its words.
type verdict struct {
	grant   grant
	refusal error
}

// NewRefresher returns a Refresher. It loads nothing yet. The error reports
// every bad field.
func NewRefresher(cfg RefresherConfig) (*Refresher, error) {
	base, err := parseBase(cmp.Or(cfg.BaseURL, defaultBaseURL), cfg.AllowHTTP)
	if cfg.Secrets == nil {
		err = errors.Join(err, errors.New("no Secrets given"))
	}
	if cfg.Timeout < 0 {
		err = errors.Join(err, fmt.Errorf("negative Timeout %v", cfg.Timeout))
	}
	if err != nil {
		return nil, fmt.Errorf("webex refresher: %w", err)
	}
	hc := *cmp.Or(cfg.HTTP, &http.Client{})
	hc.CheckRedirect = keepRedirect
	return &Refresher{
		endpoint: base.JoinPath("access_token"), http: &hc, secrets: cfg.Secrets,
		timeout: cmp.Or(cfg.Timeout, defaultRefreshTimeout),
		log:     cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)), turn: make(chan struct{}, 1),
	}, nil
}

// Token implements [TokenSource]. It returns the token at hand while that is
// valid, even if it was due for renewal and that did not work.
func (r *Refresher) Token(ctx context.Context) (string, error) { return r.obtain(ctx, "") }

// Refresh implements [TokenSource].
func (r *Refresher) Refresh(ctx context.Context, rejected string) (string, error) {
	return r.obtain(ctx, rejected)
}

func (r *Refresher) obtain(ctx context.Context, rejected string) (string, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return "", notNow("wait for the renewal of the access token", ctx.Err())
	}
	if !r.unsaved && r.now.valid(time.Now(), rejected) && !r.now.Due(time.Now()) {
		return r.now.AccessToken, nil
	}
	err := r.attempt(ctx, rejected)
	if err == nil {
		return r.now.AccessToken, nil
	}
	if !r.unsaved && r.now.valid(time.Now(), rejected) {
		return r.now.AccessToken, nil
	}
	return "", err
}

// attempt renews, unless the last attempt failed only just.
func (r *Refresher) attempt(ctx context.Context, rejected string) error {
	if wait := time.Until(r.after); wait > 0 {
		return again(r.lastFail, wait)
	}
	limit := r.timeout
	if end, limited := ctx.Deadline(); limited {
		limit = min(limit, time.Until(end))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	err := r.renew(ctx, rejected)
	if err == nil {
		r.after, r.lastFail = time.Time{}, nil
		return nil
	}
	r.after, r.lastFail = time.Now().Add(rest(err)), err
	r.log.ErrorContext(ctx, "webex: access token not renewed", logattr.Error(err), logattr.Advice(err))
	return err
}

// rest returns how long to leave things alone after a failed attempt.
func rest(err error) time.Duration {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return afterFailure
	case e.Class == failure.Denied:
		return afterDenial
	}
	return min(max(afterFailure, e.RetryAfter), longestPause)
}

// renew leaves a usable token in r.now, or returns why there is none.
func (r *Refresher) renew(ctx context.Context, rejected string) error {
	if r.unsaved {
		return r.save(ctx, r.now)
	}
	if issued := time.Since(r.now.IssuedAt); rejected != "" && rejected == r.now.AccessToken && issued < newTokenAge {
		return &Error{
			Operation: refreshOperation, Class: failure.Unavailable, Remedy: Retry, RetryAfter: newTokenAge - issued,
			Message: "an access token that was just issued was refused",
		}
	}
	for {
		stored, err := r.secrets.Load(ctx)
		if err != nil {
			return notNow("load credentials", err)
		}
		r.now = stored
		switch {
		case stored.valid(time.Now(), rejected) && !stored.Due(time.Now()):
			return nil // somebody else has renewed them
		case stored.RefreshToken == "":
			return denied("the access token is refused or has ended, and there is no refresh token", nil)
		case r.dead != nil && r.dead.grant == stored.grant():
			return denied("Webex has refused the refresh token: authorise the app again and save its new tokens", r.dead.refusal)
		case tooLate(ctx, r.timeout/4):
			return notNow("too little time is left to renew the access token", nil)
		}
		renewed, err := r.exchange(ctx, stored)
		if refused(err) {
			r.dead = &verdict{stored.grant(), err}
			continue // unless there are other credentials by now, this ends above
		}
		if err != nil {
			return err
		}
		return r.save(ctx, renewed)
	}
}

// tooLate reports whether less than that is left of the context's time.
func tooLate(ctx context.Context, least time.Duration) bool {
	end, limited := ctx.Deadline()
	return limited && time.Until(end) < least
}

// save stores renewed credentials and only then lets them be used. If that does
// not work they are kept, for the next attempt to save them first: they may hold
// the only refresh token that is still good. So it has time of its own, however
// late the answer came.
func (r *Refresher) save(ctx context.Context, renewed Credentials) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout/4)
	defer cancel()
	r.now, r.unsaved = renewed, true
	if err := r.secrets.Save(ctx, renewed); err != nil {
		return notNow("save renewed credentials", err)
	}
	r.unsaved, r.dead = false, nil
	r.log.InfoContext(ctx, "webex: access token renewed", "expires_at", renewed.ExpiresAt)
	return nil
}

// refused reports whether an exchange found the refresh token, or the app's
// secret, to be dead.
func refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized)
}

// again repeats an earlier failure for a caller who came too soon after it.
func again(earlier error, wait time.Duration) error {
	e, ok := errors.AsType[*Error](earlier)
	if !ok {
		return earlier
	}
	cp := *e
	if cp.Class == failure.Unavailable {
		cp.RetryAfter = wait
	}
	return &cp
}

func notNow(what string, cause error) *Error {
	return &Error{Operation: refreshOperation, Message: what, Class: failure.Unavailable, Remedy: Retry, Err: cause}
}

func denied(why string, cause error) *Error {
	return &Error{Operation: refreshOperation, Message: why, Class: failure.Denied, Err: cause}
}
