package webex

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dialtone/shared/failure"
)

// exchange makes the refresh call ("Webex: Integrations and Authorization,
// using the refresh token"). It is never repeated here: the answer that got lost
// may have ended the old refresh token.
func (r *Refresher) exchange(ctx context.Context, c Credentials) (Credentials, error) {
	form := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {c.ClientID},
		"client_secret": {c.ClientSecret}, "refresh_token": {c.RefreshToken},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return Credentials{}, failed(refreshOperation, http.MethodPost, r.endpoint, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	sent := newTrackingID()
	req.Header.Set(trackingHeader, sent)
	issued := time.Now() // before the answer, so that the end is not later than Webex's
	resp, err := r.http.Do(req)
	if err != nil {
		return Credentials{}, failed(refreshOperation, http.MethodPost, r.endpoint, err)
	}
	stamp(resp, sent)
	body, err := readBody(resp)
	if resp.StatusCode != http.StatusOK {
		return Credentials{}, r.refusal(resp, body)
	}
	var t tokenWire
	if err == nil {
		err = json.Unmarshal(trimBOM(body), &t)
	}
	if err == nil && t.AccessToken == "" {
		err = errors.New("access_token is missing")
	}
	if err != nil {
		return Credentials{}, failed(refreshOperation, http.MethodPost, r.endpoint, err)
	}
	return c.renewed(t, issued), nil
}

// refusal reads a refused refresh. There is nothing to refresh it with, and a
// 400 says that the refresh token is dead rather than that a request is wrong.
func (r *Refresher) refusal(resp *http.Response, body []byte) *Error {
	e := refusal(refreshOperation, http.MethodPost, r.endpoint, resp, body)
	if e.Remedy = Retry; e.Class != failure.Unavailable {
		e.Class, e.Remedy = failure.Denied, None
	}
	return e
}
