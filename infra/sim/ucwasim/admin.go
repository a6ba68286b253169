package ucwasim

import (
	"fmt"
	"time"
)

// change runs f on a user under its lock.
func (s *Server) change(address string, f func(*user)) error {
	if err := s.try(address, func(u *user) error { f(u); return nil }); err != nil {
		return fmt.Errorf("ucwasim: %w", err)
	}
	return nil
}

// try is change for what can fail.
func (s *Server) try(address string, f func(*user) error) error {
	u := s.user(s.address(address))
	if u == nil {
		return fmt.Errorf("user %q: not in the directory", address)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settle(time.Now(), &s.config)
	return f(u)
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
