package webexsim

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"dialtone/infra/sim/simkit"
)

// Control serves, beside everything of [simkit.Script.Control]:
//
//	GET  /numbers                    state of every number; ?locationId= narrows it
//	GET  /numbers/{number}           of one
//	POST /numbers/{number}/assign    {"firstName", "lastName", "type", "id"}, all optional: a foreign administrator takes it
//	POST /numbers/{number}/free      its owner loses it
//	POST /take                       {"count": 2}: take the next two that a cross-check asks for
//	POST /tokens/expire              {"token": "..."}: one access token; {}: all
//	POST /tokens/revoke              the same for refresh tokens
//
// GET /state shows organisations and locations with their counts.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /numbers", func(w http.ResponseWriter, r *http.Request) {
		simkit.WriteJSON(w, http.StatusOK, s.Numbers(r.URL.Query().Get("locationId")))
	})
	mux.HandleFunc("GET /numbers/{number}", func(w http.ResponseWriter, r *http.Request) {
		s.showNumber(w, r.PathValue("number"), nil)
	})
	mux.HandleFunc("POST /numbers/{number}/assign", controlled(func(w http.ResponseWriter, r *http.Request, to Owner) {
		s.showNumber(w, r.PathValue("number"), s.Assign(r.PathValue("number"), to))
	}))
	mux.HandleFunc("POST /numbers/{number}/free", func(w http.ResponseWriter, r *http.Request) {
		s.showNumber(w, r.PathValue("number"), s.Free(r.PathValue("number")))
	})
	mux.HandleFunc("POST /take", controlled(s.controlTake))
	mux.HandleFunc("POST /tokens/expire", controlled(func(w http.ResponseWriter, _ *http.Request, t tokenName) {
		simkit.WriteJSON(w, http.StatusOK, map[string]int{"expired": s.ExpireAccessToken(t.Token)})
	}))
	mux.HandleFunc("POST /tokens/revoke", controlled(func(w http.ResponseWriter, _ *http.Request, t tokenName) {
		simkit.WriteJSON(w, http.StatusOK, map[string]int{"revoked": s.RevokeRefreshToken(t.Token)})
	}))
	mux.Handle("/", s.script.Control())
	return mux
}

type tokenName struct {
	Token string `json:"token"`
}

type takeCount struct {
	Count int `json:"count"`
}

// controlled decodes the optional JSON body of a control request.
func controlled[T any](do func(http.ResponseWriter, *http.Request, T)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v T
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err == nil && len(body) > 0 {
			err = simkit.DecodeStrict(body, &v)
		}
		if err != nil {
			simkit.WriteError(w, err)
			return
		}
		do(w, r, v)
	}
}

func (s *Server) controlTake(w http.ResponseWriter, _ *http.Request, t takeCount) {
	if t.Count < 0 {
		simkit.WriteProblems(w, http.StatusBadRequest, simkit.Problem{
			Field: "count", Problem: "is negative", Mend: "use how many numbers to take",
		})
		return
	}
	s.TakeNext(t.Count)
	simkit.WriteJSON(w, http.StatusOK, map[string]int64{"armed": s.take.Load()})
}

func (s *Server) showNumber(w http.ResponseWriter, phone string, err error) {
	status, mend := http.StatusConflict, "GET /numbers/{number} shows its state"
	n, known := s.Number(phone)
	if !known {
		status, err, mend = http.StatusNotFound, ErrUnknownNumber, "write it in +E.164; GET /numbers lists them"
	}
	if err != nil {
		simkit.WriteProblems(w, status, simkit.Problem{Field: "number", Problem: err.Error(), Mend: mend})
		return
	}
	simkit.WriteJSON(w, http.StatusOK, n)
}

// orgState and locationState are what GET /state shows.
type orgState struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Locations []locationState `json:"locations"`
}

type locationState struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Main      string       `json:"mainNumber,omitempty"`
	Numbers   int          `json:"numbers"`
	Available int          `json:"available"`
	Blocked   int          `json:"blocked"`
	Owned     int          `json:"owned"`
	Kinds     map[Kind]int `json:"kinds"`
}

func (s *Server) state(url.Values) any {
	s.inv.mu.RLock()
	defer s.inv.mu.RUnlock()
	now := time.Now()
	orgs := []orgState{}
	for _, o := range s.inv.orgs {
		st := orgState{ID: o.ID, Name: o.Name, Locations: []locationState{}}
		for _, site := range o.sites {
			st.Locations = append(st.Locations, s.locationState(site, now))
		}
		orgs = append(orgs, st)
	}
	return map[string]any{"orgs": orgs, "armed": s.take.Load()}
}

func (s *Server) locationState(site *site, now time.Time) locationState {
	st := locationState{ID: site.ID, Name: site.Name, Main: site.Main, Numbers: len(site.numbers), Kinds: map[Kind]int{}}
	for _, n := range site.numbers {
		st.Kinds[n.kind]++
		switch {
		case s.inv.available(n, now):
			st.Available++
		case n.owner != nil:
			st.Owned++
		case n.blocked(now):
			st.Blocked++
		}
	}
	return st
}
