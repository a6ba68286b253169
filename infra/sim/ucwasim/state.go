package ucwasim

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// UserState is what a user's phones and call forwarding are and what has happened
// to the user.
type UserState struct {
	User            string                `json:"user"`
	EnterpriseVoice bool                  `json:"enterpriseVoice"`
	Locked          bool                  `json:"locked"`
	Phones          map[string]PhoneState `json:"phones"`      // by type
	Changes         []Change              `json:"changes"`     // the latest 100, oldest first
	ChangeCount     int                   `json:"changeCount"` // of all
	Forwarding      ForwardingState       `json:"forwarding"`
	Applications    ApplicationCounts     `json:"applications"`
	Tokens          TokenCounts           `json:"tokens"`
}

// PhoneState is a phone as stored.
type PhoneState struct {
	Phone
	ADOwned bool `json:"adOwned"`
}

// ForwardingState is what a user has set about incoming calls, what may be set,
// and what has changed.
type ForwardingState struct {
	Forwarding
	Policy      ForwardingPolicy   `json:"policy"`
	Changes     []ForwardingChange `json:"changes"`     // the latest 100, oldest first
	ChangeCount int                `json:"changeCount"` // of all
}

// Change is one request that made a phone different from before. A request that
// leaves everything as it was is none.
type Change struct {
	At          time.Time `json:"at"`
	Application string    `json:"application"` // its id
	Operation   string    `json:"operation"`   // changeNumber or changeVisibility
	Type        string    `json:"type"`        // of the phone
	Old         Phone     `json:"old"`
	New         Phone     `json:"new"`
}

// ApplicationCounts counts a user's applications. Created is the sum of the others.
type ApplicationCounts struct {
	Created int `json:"created"`
	Running int `json:"running"`
	Deleted int `json:"deleted"` // by DELETE, as a client must
	Evicted int `json:"evicted"` // by one too many, or by Evict
	Expired int `json:"expired"` // by silence or missing activity
}

// Leaked is how many applications the server had to end by itself.
func (a ApplicationCounts) Leaked() int { return a.Evicted + a.Expired }

// TokenCounts counts token requests that named the user.
type TokenCounts struct {
	Requests int `json:"requests"`
	Granted  int `json:"granted"`
	Refused  int `json:"refused"`
}

// Totals sum up all users that a request has touched.
type Totals struct {
	Users        int               `json:"touched"`           // those a request or a look has touched
	Changes      int               `json:"changes"`           // of phones
	Forwardings  int               `json:"forwardingChanges"` // of call forwarding
	Applications ApplicationCounts `json:"applications"`
	Leaked       int               `json:"leaked"`
	Tokens       TokenCounts       `json:"tokens"`
}

// User returns the state of one user, by SIP address with or without sip:; false
// if the directory has no such user.
func (s *Server) User(address string) (UserState, bool) {
	u := s.user(s.address(address))
	if u == nil {
		return UserState{}, false
	}
	return u.state(s.config), true
}

func (u *user) state(c Config) UserState {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.expire(time.Now(), c)
	st := UserState{
		User: strings.ToLower(u.URI), EnterpriseVoice: !u.NoEnterpriseVoice, Locked: u.locked,
		Phones:  map[string]PhoneState{},
		Changes: append([]Change{}, u.changes...), ChangeCount: u.changeCount,
		Forwarding: ForwardingState{
			Forwarding: u.Forwarding, Policy: u.ForwardingPolicy,
			Changes: append([]ForwardingChange{}, u.forwardings.changes...), ChangeCount: u.forwardings.changeCount,
		},
		Applications: u.counts, Tokens: u.tokens,
	}
	st.Applications.Running = len(u.apps)
	for i, t := range phoneTypes {
		st.Phones[t] = PhoneState{u.phones[i].Phone, u.phones[i].adOwned}
	}
	return st
}

// Users returns the state of every user that has been touched, by address. Others
// are as configured.
func (s *Server) Users() []UserState {
	touched := s.touched()
	out := make([]UserState, len(touched))
	for i, u := range touched {
		out[i] = u.state(s.config)
	}
	return out
}

func (s *Server) touched() []*user {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*user, 0, len(s.users))
	for _, u := range s.users {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *user) int { return strings.Compare(a.URI, b.URI) })
	return out
}

// Totals returns the sums over all touched users.
func (s *Server) Totals() Totals {
	return total(s.Users())
}

func total(users []UserState) Totals {
	t := Totals{Users: len(users)}
	for _, u := range users {
		t.Changes += u.ChangeCount
		t.Forwardings += u.Forwarding.ChangeCount
		t.Applications.Created += u.Applications.Created
		t.Applications.Running += u.Applications.Running
		t.Applications.Deleted += u.Applications.Deleted
		t.Applications.Evicted += u.Applications.Evicted
		t.Applications.Expired += u.Applications.Expired
		t.Tokens.Requests += u.Tokens.Requests
		t.Tokens.Granted += u.Tokens.Granted
		t.Tokens.Refused += u.Tokens.Refused
	}
	t.Leaked = t.Applications.Leaked()
	return t
}

// change runs f on a user under its lock.
func (s *Server) change(address string, f func(*user)) error {
	u := s.user(s.address(address))
	if u == nil {
		return fmt.Errorf("ucwasim: user %q: not in the directory", address)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	f(u)
	return nil
}

// SetPhone stores a phone as an administrator would: as given, also on an
// AD-owned phone, and without a Change. The type is work, mobile, home or other.
func (s *Server) SetPhone(address, phoneType string, p Phone) error {
	i, ok := phoneNamed(phoneType)
	if !ok {
		return fmt.Errorf("ucwasim: phone type %q: must be of %v", phoneType, phoneTypes)
	}
	return s.change(address, func(u *user) { u.phones[i].set(p) })
}

// SetForwarding stores settings about incoming calls as an administrator would:
// without a ForwardingChange, whatever policy says. What is left out takes its
// default. A *simkit.Invalid lists everything that is wrong with them.
func (s *Server) SetForwarding(address string, f Forwarding) error {
	if err := f.withDefaults(ForwardingPolicy{}).validate(); err != nil {
		return fmt.Errorf("ucwasim: set call forwarding: %w", err)
	}
	return s.change(address, func(u *user) { u.setForwarding(f.withDefaults(u.ForwardingPolicy)) })
}

// SetForwardingPolicy replaces what a user may set about incoming calls. What is
// set already stays.
func (s *Server) SetForwardingPolicy(address string, p ForwardingPolicy) error {
	return s.change(address, func(u *user) { u.setPolicy(p) })
}

// SetEnterpriseVoice enables a user for phones and call forwarding, or ends that.
func (s *Server) SetEnterpriseVoice(address string, enabled bool) error {
	return s.change(address, func(u *user) { u.NoEnterpriseVoice = !enabled })
}

// SetPassword replaces a password and unlocks the account. Tickets stay valid.
func (s *Server) SetPassword(address, password string) error {
	return s.change(address, func(u *user) { u.Password, u.locked, u.wrongPasswords = password, false, 0 })
}

// Evict ends all applications of a user as one sign-in too many would: they
// answer 410 TooManyApplications from then on.
func (s *Server) Evict(address string) error {
	return s.change(address, func(u *user) {
		for len(u.apps) > 0 {
			u.evict(u.apps[0])
		}
	})
}

// ExpireTokens makes every ticket that the user holds invalid; new ones are not
// affected.
func (s *Server) ExpireTokens(address string) error {
	return s.change(address, func(u *user) { u.generation++ })
}

// stateLimit is how many users GET /state lists unless told.
const stateLimit = 1000

// state answers GET /state: totals, and users narrowed by ?user= and ?limit=.
func (s *Server) state(query url.Values) any {
	users := s.Users()
	totals := total(users)
	if one := query.Get("user"); one != "" {
		users = []UserState{}
		if u, ok := s.User(one); ok {
			users = append(users, u)
		}
	}
	limit := stateLimit
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n >= 0 {
		limit = n
	}
	return struct {
		Dialect Dialect     `json:"dialect"`
		Totals  Totals      `json:"totals"`
		Users   []UserState `json:"users"`
	}{s.config.Dialect, totals, users[:min(limit, len(users))]}
}
