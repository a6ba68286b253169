package ucwasim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// UserState is what a user's phones, call forwarding and contact list are and what
// has happened to the user.
type UserState struct {
	User            string                `json:"user"`
	EnterpriseVoice bool                  `json:"enterpriseVoice"`
	Locked          bool                  `json:"locked"`
	Phones          map[string]PhoneState `json:"phones"`      // by type
	Changes         []Change              `json:"changes"`     // the latest 100, oldest first
	ChangeCount     int                   `json:"changeCount"` // of all
	Forwarding      ForwardingState       `json:"forwarding"`
	People          PeopleState           `json:"people"`
	Applications    ApplicationCounts     `json:"applications"`
	Subscriptions   SubscriptionCounts    `json:"subscriptions"`
	Channel         ChannelCounts         `json:"channel"`
	Tokens          TokenCounts           `json:"tokens"`
	Calls           int                   `json:"calls"` // requests with a ticket of the user
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

// PeopleState is a user's contact list, what may be done with it, and the
// subscriptions that are not Disconnected.
type PeopleState struct {
	Contacts      []Contact           `json:"contacts"`
	Groups        []Group             `json:"groups"` // without the default group
	Policy        PeoplePolicy        `json:"policy"`
	Subscriptions []SubscriptionState `json:"subscriptions"`
}

// SubscriptionState is the contacts-and-groups subscription of an application.
type SubscriptionState struct {
	Application string    `json:"application"` // its id
	State       string    `json:"state"`       // Connecting, Connected or Disconnecting
	Expires     time.Time `json:"expires"`
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
	Expired int `json:"expired"` // by silence, a gap in event requests, or missing activity
}

func (a *ApplicationCounts) add(b ApplicationCounts) {
	a.Created += b.Created
	a.Running += b.Running
	a.Deleted += b.Deleted
	a.Evicted += b.Evicted
	a.Expired += b.Expired
}

// Leaked is how many applications the server had to end by itself.
func (a ApplicationCounts) Leaked() int { return a.Evicted + a.Expired }

// TokenCounts counts token requests that named the user.
type TokenCounts struct {
	Requests int `json:"requests"`
	Granted  int `json:"granted"`
	Refused  int `json:"refused"`
}

func (t *TokenCounts) add(b TokenCounts) {
	t.Requests += b.Requests
	t.Granted += b.Granted
	t.Refused += b.Refused
}

// SubscriptionCounts counts a user's contacts-and-groups subscriptions. Started is
// the sum of the others but Refreshed.
type SubscriptionCounts struct {
	Started   int `json:"started"`
	Refreshed int `json:"refreshed"`
	Running   int `json:"running"`
	Stopped   int `json:"stopped"` // by stop, or by DELETE of the application
	Lapsed    int `json:"lapsed"`  // nobody refreshed in time
	Dropped   int `json:"dropped"` // with an application that was evicted or expired, or by a long silence
}

func (s *SubscriptionCounts) add(b SubscriptionCounts) {
	s.Started += b.Started
	s.Refreshed += b.Refreshed
	s.Running += b.Running
	s.Stopped += b.Stopped
	s.Lapsed += b.Lapsed
	s.Dropped += b.Dropped
}

// ChannelCounts counts what happened to a user's event requests.
type ChannelCounts struct {
	Polls     int `json:"polls"`     // event requests
	Waiting   int `json:"waiting"`   // of them now
	Packages  int `json:"packages"`  // released with events or empty
	Events    int `json:"events"`    // in them
	Repeated  int `json:"repeated"`  // packages given once more
	Replaced  int `json:"replaced"`  // callers who were answered PGetReplaced
	Abandoned int `json:"abandoned"` // callers who hung up
	Resyncs   int `json:"resyncs"`   // acks out of range
	Resumes   int `json:"resumes"`   // long silences
}

func (c *ChannelCounts) add(b ChannelCounts) {
	c.Polls += b.Polls
	c.Waiting += b.Waiting
	c.Packages += b.Packages
	c.Events += b.Events
	c.Repeated += b.Repeated
	c.Replaced += b.Replaced
	c.Abandoned += b.Abandoned
	c.Resyncs += b.Resyncs
	c.Resumes += b.Resumes
}

// Totals sum up all users that a request has touched.
type Totals struct {
	Users         int                `json:"touched"`           // those a request or a look has touched
	Changes       int                `json:"changes"`           // of phones
	Forwardings   int                `json:"forwardingChanges"` // of call forwarding
	Applications  ApplicationCounts  `json:"applications"`
	Leaked        int                `json:"leaked"`
	Subscriptions SubscriptionCounts `json:"subscriptions"`
	Channel       ChannelCounts      `json:"channel"`
	Tokens        TokenCounts        `json:"tokens"`
	Calls         int                `json:"calls"`
}

// User returns the state of one user, by SIP address with or without sip:; false
// if the directory has no such user.
func (s *Server) User(address string) (UserState, bool) {
	u := s.user(s.address(address))
	if u == nil {
		return UserState{}, false
	}
	return u.state(&s.config), true
}

func (u *user) state(c *Config) UserState {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settle(time.Now(), c)
	st := UserState{
		User: strings.ToLower(u.URI), EnterpriseVoice: !u.NoEnterpriseVoice, Locked: u.locked,
		Phones:  map[string]PhoneState{},
		Changes: append([]Change{}, u.changes...), ChangeCount: u.changeCount,
		Forwarding: ForwardingState{
			Forwarding: u.Forwarding, Policy: u.ForwardingPolicy,
			Changes: append([]ForwardingChange{}, u.forwardings.changes...), ChangeCount: u.forwardings.changeCount,
		},
		People: u.people(),
		Tokens: u.tokens, Calls: u.calls,
	}
	st.Applications, st.Subscriptions, st.Channel = u.running()
	for i, t := range phoneTypes {
		st.Phones[t] = PhoneState{u.phones[i].Phone, u.phones[i].adOwned}
	}
	return st
}

func (u *user) people() PeopleState {
	p := PeopleState{
		Contacts: []Contact{}, Groups: append([]Group{}, u.Groups...), Policy: u.PeoplePolicy,
		Subscriptions: []SubscriptionState{},
	}
	for _, c := range u.Contacts {
		p.Contacts = append(p.Contacts, c.withDefaults())
	}
	for _, a := range u.apps {
		if s := a.subscription; s != nil {
			p.Subscriptions = append(p.Subscriptions, SubscriptionState{a.id, s.state(time.Now()), s.expires})
		}
	}
	return p
}

// running are the user's counts with what goes on now.
func (u *user) running() (ApplicationCounts, SubscriptionCounts, ChannelCounts) {
	apps, subscriptions, channels := u.counts, u.subscriptions, u.channels
	apps.Running = len(u.apps)
	for _, a := range u.apps {
		if a.subscription != nil && a.subscription.stops.IsZero() {
			subscriptions.Running++
		}
		if a.channel != nil && a.channel.poll != nil {
			channels.Waiting++
		}
	}
	return apps, subscriptions, channels
}

// Users returns the state of every user that has been touched, by address. Others
// are as configured.
func (s *Server) Users() []UserState {
	return s.states(s.touched())
}

func (s *Server) states(touched []*user) []UserState {
	out := make([]UserState, len(touched))
	for i, u := range touched {
		out[i] = u.state(&s.config)
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
func (s *Server) Totals() Totals { return s.total(s.touched()) }

func (s *Server) total(users []*user) Totals {
	t := Totals{Users: len(users)}
	for _, u := range users {
		t.add(u, &s.config)
	}
	t.Leaked = t.Applications.Leaked()
	return t
}

func (t *Totals) add(u *user, c *Config) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settle(time.Now(), c)
	apps, subscriptions, channels := u.running()
	t.Changes += u.changeCount
	t.Forwardings += u.forwardings.changeCount
	t.Applications.add(apps)
	t.Subscriptions.add(subscriptions)
	t.Channel.add(channels)
	t.Tokens.add(u.tokens)
	t.Calls += u.calls
}

// stateLimit is how many users GET /state lists unless told.
const stateLimit = 1000

// state answers GET /state: totals, and users narrowed by ?user= and ?limit=.
func (s *Server) state(query url.Values) any {
	touched := s.touched()
	totals := s.total(touched)
	limit := stateLimit
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n >= 0 {
		limit = n
	}
	if one := query.Get("user"); one != "" {
		touched = nil
		if u := s.user(s.address(one)); u != nil {
			touched = []*user{u}
		}
	}
	return struct {
		Dialect Dialect     `json:"dialect"`
		Totals  Totals      `json:"totals"`
		Users   []UserState `json:"users"`
	}{s.config.Dialect, totals, s.states(touched[:min(limit, len(touched))])}
}
