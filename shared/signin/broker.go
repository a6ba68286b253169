package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dialtone/shared/logattr"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// Broker is a [ucwa.TokenSource] that asks a service of the customer for each
// token, such as one that signs users in by Kerberos delegation. It sends
//
//	POST <URL>
//	{"user": "ada@contoso.test", "tokenUrl": "https://...", "grantTypes": ["..."]}
//
// and expects {"accessToken": "...", "expiresIn": 28800}, with the life in
// seconds; without expiresIn the token is used until it is refused. A pool with
// modern authentication only has no tokenUrl; the request then carries its
// authorizationUri and the resource that the token is for.
//
// Make one with [NewBroker]; safe for concurrent use.
type Broker struct {
	url     string
	http    *http.Client
	timeout time.Duration
}

// BrokerConfig describes a [Broker].
type BrokerConfig struct {
	// URL is where tokens are asked for: https, or http on a loopback address.
	// Required.
	URL       string
	AllowHTTP bool          // accepts http to any host
	HTTP      *http.Client  // nil: a client with http.DefaultTransport. Redirects are not followed
	Timeout   time.Duration // of one request. 0: 8 s
}

const (
	defaultTimeout = 8 * time.Second
	maxAnswer      = 64 << 10
)

// NewBroker returns a broker. The error reports every problem.
func NewBroker(cfg BrokerConfig) (*Broker, error) {
	var problems []error
	if !secure(cfg.URL, cfg.AllowHTTP) {
		problems = append(problems, errors.New("the URL must be https://host/path, or http on a loopback address, without user and fragment"))
	}
	if cfg.Timeout < 0 {
		problems = append(problems, fmt.Errorf("negative Timeout %s, want more, or 0 for %s", cfg.Timeout, defaultTimeout))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("token broker: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Broker{url: cfg.URL, http: direct(cfg.HTTP), timeout: cfg.Timeout}, nil
}

type brokerRequest struct {
	User             sipaddr.User `json:"user"`
	TokenURL         string       `json:"tokenUrl"`
	GrantTypes       []string     `json:"grantTypes"`
	AuthorizationURI string       `json:"authorizationUri,omitempty"`
	Resource         string       `json:"resource,omitempty"`
}

// brokerAnswer is a token, or a refusal in OAuth's or the broker's own words.
type brokerAnswer struct {
	AccessToken string      `json:"accessToken"`
	ExpiresIn   json.Number `json:"expiresIn"`
	Error       string      `json:"error"`
	Message     string      `json:"message"`
}

// Token implements [ucwa.TokenSource]. Its errors are [*ucwa.Error]s around a
// [*failure.Error]: denied after a 4xx, unavailable after 408, 425, 429, 5xx, an
// answer that is no token, or none. An "error" field of the answer becomes the
// code; "invalid_grant" there keeps the user from being tried again for a while.
func (b *Broker) Token(ctx context.Context, r ucwa.TokenRequest) (ucwa.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	asked := time.Now()
	resp, err := b.ask(ctx, r)
	if err != nil {
		return ucwa.Token{}, b.refuse(refusal{err: withoutURL(err)})
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	var a brokerAnswer
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("answer has more than %d bytes", maxAnswer)
	}
	if err == nil && json.Unmarshal(body, &a) != nil {
		err = errors.New("answer is not a JSON object with accessToken and expiresIn") // which is not quoted: it may hold a token
	}
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return ucwa.Token{}, b.refuse(refusal{
			status: resp.StatusCode, code: code(a.Error), message: logattr.Clean(a.Message), retryAfter: retryAfter(resp.Header),
		})
	case err == nil && a.AccessToken == "":
		err = errors.New("answer has no accessToken")
	}
	if err != nil {
		return ucwa.Token{}, b.refuse(refusal{status: resp.StatusCode, err: err})
	}
	return ucwa.Token{Value: a.AccessToken, Expires: a.expires(asked)}, nil
}

func (b *Broker) ask(ctx context.Context, r ucwa.TokenRequest) (*http.Response, error) {
	in := brokerRequest{User: r.User, TokenURL: r.URL, GrantTypes: append([]string{}, r.GrantTypes...)}
	if r.URL == "" {
		in.AuthorizationURI, in.Resource = r.AuthorizationURI, r.Resource
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return b.http.Do(req)
}

func (b *Broker) refuse(r refusal) error {
	r.system = "broker"
	if r.class().Permanent() {
		return r.error(words{
			"the token broker refuses to sign this user in",
			"See the broker's log for this user, allow the sign-in there, then replay the request.",
		})
	}
	return r.error(words{
		"the token broker cannot answer now; nothing was changed",
		"Nothing to do: the request waits on its queue and is tried again.",
	})
}

// expires counts from the time of asking, which errs on the early side.
func (a brokerAnswer) expires(asked time.Time) time.Time { return life(asked, a.ExpiresIn) }

// life is when a token ends that was asked for at a time; zero if not known.
func life(asked time.Time, seconds json.Number) time.Time {
	const longest = 365 * 24 * 60 * 60 // guards the arithmetic, not a policy
	s, err := seconds.Float64()
	if err != nil || !(s > 0) {
		return time.Time{}
	}
	return asked.Add(time.Duration(min(s, longest) * float64(time.Second)))
}
