package webexsim

import (
	"errors"
	"mime"
	"net/http"
	"time"
)

// accessToken serves both grants of the token endpoint, as "Webex:
// Integrations" describes them. PKCE is not checked.
func (s *Server) accessToken(c *call) (any, error) {
	media, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the body must be application/x-www-form-urlencoded")
	}
	if err := c.r.ParseForm(); err != nil {
		return nil, refuse(http.StatusBadRequest, "the form is malformed")
	}
	f, now := c.r.PostForm, time.Now()
	var p pair
	var err error
	switch f.Get("grant_type") {
	case "refresh_token":
		p, err = s.tokens.renew(f.Get("client_id"), f.Get("client_secret"), f.Get("refresh_token"), now)
	case "authorization_code":
		p, err = s.tokens.redeem(f.Get("client_id"), f.Get("client_secret"), f.Get("code"), f.Get("redirect_uri"), now)
	default:
		err = errors.New("grant_type must be refresh_token or authorization_code")
	}
	switch {
	case errors.Is(err, errClient):
		return nil, refuse(http.StatusUnauthorized, err.Error())
	case err != nil:
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	return p, nil
}
