package ucwasim

import (
	"fmt"
	"io"
	"net/http"

	"dialtone/infra/sim/simkit"
)

// Control serves simkit's control API (see [simkit.Script.Control]; GET /state
// takes ?user= and ?limit=) and what can be done to a user:
//
//	PUT  /users/{user}/phones/{type}   {"number": "tel:+...", "includeInContactCard": true}
//	PUT  /users/{user}/password        {"password": "..."}
//	POST /users/{user}/evict           end the applications with TooManyApplications
//	POST /users/{user}/expireTokens    make the tickets invalid
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /users/{user}/phones/{type}", func(w http.ResponseWriter, r *http.Request) {
		var p Phone
		if decode(w, r, &p) {
			s.controlled(w, r, s.SetPhone(r.PathValue("user"), r.PathValue("type"), p))
		}
	})
	mux.HandleFunc("PUT /users/{user}/password", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Password string `json:"password"`
		}
		if decode(w, r, &body) {
			s.controlled(w, r, s.SetPassword(r.PathValue("user"), body.Password))
		}
	})
	mux.HandleFunc("POST /users/{user}/evict", func(w http.ResponseWriter, r *http.Request) {
		s.controlled(w, r, s.Evict(r.PathValue("user")))
	})
	mux.HandleFunc("POST /users/{user}/expireTokens", func(w http.ResponseWriter, r *http.Request) {
		s.controlled(w, r, s.ExpireTokens(r.PathValue("user")))
	})
	mux.Handle("/", s.script.Control())
	return mux
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
