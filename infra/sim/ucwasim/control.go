package ucwasim

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"dialtone/infra/sim/simkit"
)

// Control serves simkit's control API (see [simkit.Script.Control]; GET /state
// takes ?user= and ?limit=) and what can be done to a user:
//
//	GET    /users/{user}                   the user's state, as every line below answers
//	PUT    /users/{user}/phones/{type}     {"number": "tel:+...", "includeInContactCard": true}
//	PUT    /users/{user}/forwarding        {"activeSetting": "SimultaneousRing", ...}: a [Forwarding]
//	PUT    /users/{user}/forwardingPolicy  {"noSimultaneousRing": true, ...}: a [ForwardingPolicy]
//	POST   /users/{user}/contacts          {"uri": "sip:...", "name": "...", "group": "..."}: a [Contact]
//	PUT    /users/{user}/contacts/{uri}    {"name": "...", "group": "...", "pinned": true}, or some of it
//	DELETE /users/{user}/contacts/{uri}    off the list
//	POST   /users/{user}/groups            {"id": "...", "name": "..."}: a [Group]
//	PUT    /users/{user}/groups/{id}       {"name": "..."}
//	DELETE /users/{user}/groups/{id}       its members go to the default group
//	PUT    /users/{user}/peoplePolicy      {"readOnlyContactList": true, ...}: a [PeoplePolicy]
//	POST   /users/{user}/resetChannels     drop the subscriptions as after a long silence
//	PUT    /users/{user}/enterpriseVoice   {"enabled": false}
//	PUT    /users/{user}/password          {"password": "..."}
//	POST   /users/{user}/evict             end the applications with TooManyApplications
//	POST   /users/{user}/expireTokens      make the tickets invalid
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{user}", s.doer(s.known))
	mux.HandleFunc("PUT /users/{user}/phones/{type}", func(w http.ResponseWriter, r *http.Request) {
		var p Phone
		if decode(w, r, &p) {
			s.controlled(w, r, s.SetPhone(r.PathValue("user"), r.PathValue("type"), p))
		}
	})
	mux.HandleFunc("PUT /users/{user}/forwarding", setter(s, s.SetForwarding))
	mux.HandleFunc("PUT /users/{user}/forwardingPolicy", setter(s, s.SetForwardingPolicy))
	mux.HandleFunc("PUT /users/{user}/enterpriseVoice", setter(s, func(user string, body struct {
		Enabled bool `json:"enabled"`
	},
	) error {
		return s.SetEnterpriseVoice(user, body.Enabled)
	}))
	mux.HandleFunc("PUT /users/{user}/password", setter(s, func(user string, body struct {
		Password string `json:"password"`
	},
	) error {
		return s.SetPassword(user, body.Password)
	}))
	mux.HandleFunc("POST /users/{user}/evict", s.doer(s.Evict))
	mux.HandleFunc("POST /users/{user}/expireTokens", s.doer(s.ExpireTokens))
	s.peopleControl(mux)
	mux.Handle("/", s.script.Control())
	return mux
}

// known reports a user whom the directory does not have.
func (s *Server) known(address string) error { return s.change(address, func(*user) {}) }

// doer does something to the user of the path.
func (s *Server) doer(do func(user string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.controlled(w, r, do(r.PathValue("user"))) }
}

// setter gives the user of the path what the body says.
func setter[T any](s *Server, set func(user string, body T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body T
		if decode(w, r, &body) {
			s.controlled(w, r, set(r.PathValue("user"), body))
		}
	}
}

func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = simkit.DecodeStrict(b, v)
	}
	if err != nil {
		simkit.WriteError(w, err)
		return false
	}
	return true
}

// controlled answers with the user's new state, or with why there is none.
func (s *Server) controlled(w http.ResponseWriter, r *http.Request, err error) {
	var invalid *simkit.Invalid
	if errors.As(err, &invalid) {
		simkit.WriteError(w, invalid)
		return
	}
	if err != nil {
		simkit.WriteProblems(w, http.StatusNotFound, simkit.Problem{
			Field: "path", Problem: err.Error(),
			Mend: fmt.Sprintf("use an address such as user00001@%s, and one of %v", s.config.Domain, phoneTypes),
		})
		return
	}
	u, _ := s.User(r.PathValue("user"))
	simkit.WriteJSON(w, http.StatusOK, u)
}
