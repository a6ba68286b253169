package ucwasim

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	keptChanges = 100 // changes listed for a user; the count covers all
	keptEnded   = 32  // ended applications that still answer 410
)

// user is a person with what happened to them. mu guards everything but the
// address.
type user struct {
	mu sync.Mutex
	User
	anonymous bool
	plan      DialPlan
	phones    [len(phoneTypes)]phone

	apps  []*application // running, oldest first
	ended []ended

	changes     []Change
	changeCount int
	forwardings forwardingLog
	counts      ApplicationCounts
	tokens      TokenCounts

	subscriptions SubscriptionCounts
	channels      ChannelCounts
	calls         int // with a ticket

	wrongPasswords int
	locked         bool
	generation     uint64 // of valid tickets
}

type phone struct {
	Phone
	adOwned bool
	version uint64
}

// home is the index of the user's pool.
func (u *user) home() int { return max(u.Pool, 1) - 1 }

// address folds any form of a user name to user@domain: sip:user@domain,
// DOMAIN\user, or a bare name in the default domain.
func (s *Server) address(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	name = strings.TrimPrefix(name, "sip:")
	if domain, local, ok := strings.Cut(name, `\`); ok {
		return local + "@" + s.domains[domain]
	}
	if name == "" || strings.Contains(name, "@") {
		return name
	}
	return name + "@" + strings.ToLower(s.config.Domain)
}

func (s *Server) anonymousAddress() string { return "anonymous@" + strings.ToLower(s.config.Domain) }

// user returns the user of an address, made on first touch; nil if the directory
// has none.
func (s *Server) user(address string) *user {
	s.mu.RLock()
	u := s.users[address]
	s.mu.RUnlock()
	if u != nil {
		return u
	}
	entry, ok := s.entry(address)
	if !ok {
		return nil
	}
	made := s.materialise(address, entry)
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[address]; u != nil {
		return u // somebody was faster
	}
	s.users[address] = made
	return made
}

// entry is the directory's record of an address.
func (s *Server) entry(address string) (User, bool) {
	if u, ok := s.extra[address]; ok {
		return u, true
	}
	if address == s.anonymousAddress() {
		return User{URI: address, Name: "Anonymous"}, true
	}
	local, domain, _ := strings.Cut(address, "@")
	digits, ok := strings.CutPrefix(local, "user")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || n > s.config.Users || digits != fmt.Sprintf("%05d", n) ||
		!strings.EqualFold(domain, s.config.Domain) {
		return User{}, false
	}
	u := User{URI: address, Password: "pw-" + local, Name: "User " + digits, EmailAddresses: []string{address}}
	if s.config.Each != nil {
		s.config.Each(n, &u)
	}
	return u, true
}

func (s *Server) materialise(address string, entry User) *user {
	u := &user{User: entry, anonymous: address == s.anonymousAddress(), plan: s.config.DialPlan}
	if entry.DialPlan != nil {
		u.plan = entry.DialPlan.withDefaults()
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(address, "@")
	}
	h := fnv.New64a()
	h.Write([]byte(address))
	for i, t := range phoneTypes {
		p := &u.phones[i]
		p.Phone, p.adOwned = entry.Phones[t], slices.Contains(entry.ADOwned, t)
		p.version = mix(s.config.Seed^h.Sum64(), uint64(i))
	}
	u.Forwarding = entry.Forwarding.withDefaults(entry.ForwardingPolicy)
	u.forwardings.start(s.config.Seed ^ h.Sum64())
	if s.config.ADOwnedWork {
		work := &u.phones[0]
		work.adOwned = true
		if work.Number == "" {
			work.Phone = Phone{fmt.Sprintf("tel:+1425%07d", h.Sum64()%1e7), true}
		}
	}
	return u
}

func (u *user) checkPassword(password string, threshold int) bool {
	if u.Password != password {
		u.wrongPasswords++
		u.locked = u.locked || threshold > 0 && u.wrongPasswords >= threshold
		return false
	}
	if u.locked {
		return false
	}
	u.wrongPasswords = 0
	return true
}

// store changes a phone and notes it if anything is different afterwards.
func (u *user) store(i int, next Phone, operation, app string) {
	p := &u.phones[i]
	if p.Phone == next {
		return
	}
	u.changeCount++
	u.changes = append(u.changes, Change{
		At: time.Now(), Application: app, Operation: operation, Type: phoneTypes[i], Old: p.Phone, New: next,
	})
	u.changes = u.changes[max(0, len(u.changes)-keptChanges):]
	p.set(next)
}

func (p *phone) set(next Phone) {
	p.Phone = next
	p.version = mix(p.version, 1)
}
