package webex

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dialtone/shared/httpretry"
)

// Client asks Webex Calling about phone numbers. Make one with [New] and share
// it: the request budget and the pauses are the client's. Safe for concurrent
// use; no goroutine outlives a call.
type Client struct {
	base        *url.URL
	orgID       string
	tokens      TokenSource
	gate        *gate
	pages       pageSizes
	http        *http.Client
	callTimeout time.Duration
	log         *slog.Logger
}

// New returns a client. It makes no request. The error reports every bad field
// of cfg.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	base, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("webex client: %w", err)
	}
	c := &Client{
		base: base, orgID: cfg.OrgID, tokens: cfg.Tokens, gate: newGate(cfg.Rate, cfg.Burst, cfg.MaxWait),
		callTimeout: cfg.CallTimeout, log: cfg.Logger,
	}
	hc := *cfg.HTTP
	hc.CheckRedirect = keepRedirect
	hc.Transport = &httpretry.Transport{
		Base:    &try{base: cmp.Or(hc.Transport, http.DefaultTransport), gate: c.gate, log: cfg.Logger},
		Backoff: httpretry.Backoff{Base: 500 * time.Millisecond, Cap: cfg.MaxWait},
		MaxWait: cfg.MaxWait,
		Retry:   c.again,
	}
	c.http = &hc
	return c, nil
}

// answer is a successful answer, read completely.
type answer struct {
	header     http.Header
	body       []byte
	trackingID string
	url        string // redacted
}

// BaseURL returns where the calls go.
func (c *Client) BaseURL() *url.URL { return c.base.JoinPath() }

// get requests u, once more with a new token when the first is refused.
// The error is always an *Error.
func (c *Client) get(ctx context.Context, operation string, u *url.URL) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.callTimeout)
	defer cancel()
	token, err := c.tokens.Token(ctx)
	if err != nil {
		return nil, tokenFailure(operation, err)
	}
	ans, refused := c.send(ctx, operation, u, token)
	if refused == nil || refused.Remedy != RefreshToken {
		return ans, asError(refused)
	}
	token, err = c.tokens.Refresh(ctx, token)
	if err != nil {
		return nil, refused.withoutToken(err)
	}
	ans, refused = c.send(ctx, operation, u, token)
	return ans, asError(refused)
}

// asError keeps a nil *Error from becoming an error that is not nil.
func asError(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}

// send makes one request with its repetitions.
func (c *Client) send(ctx context.Context, operation string, u *url.URL, token string) (*answer, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, failed(operation, http.MethodGet, u, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failed(operation, http.MethodGet, u, err)
	}
	body, err := readBody(resp)
	if err != nil {
		return nil, failed(operation, http.MethodGet, u, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(operation, http.MethodGet, u, resp, body)
	}
	return &answer{header: resp.Header, body: body, trackingID: trackingID(resp.Header), url: redact(u)}, nil
}

// again says which tries httpretry repeats.
func (c *Client) again(t httpretry.Try) bool {
	if t.Err != nil {
		return !decided(t.Err) && httpretry.Temporary(t)
	}
	status, wrapped := t.Response.StatusCode, len(sparkCodes(t.Response.Header)) > 0
	switch _, remedy := classify(status, wrapped); {
	case status == http.StatusInternalServerError, wrapped:
		return remedy == Retry && t.Number == 1
	case remedy == HalvePage: // only worth repeating as it is when it can't be made smaller
		return atSmallestPage(t.Request.URL)
	case remedy != Retry:
		return false
	}
	return c.gate.admits(t.Request.Context())
}

// atSmallestPage reports whether u asks for a page that is not halved further.
func atSmallestPage(u *url.URL) bool {
	n, err := strconv.Atoi(u.Query().Get("max"))
	return err == nil && n > 0 && n <= smallestPage
}

// keepRedirect hands a redirect back as the answer, since following it would
// take the token to wherever it points.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
