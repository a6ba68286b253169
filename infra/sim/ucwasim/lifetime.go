package ucwasim

import "time"

// What falls due by the clock happens when somebody looks: a user costs neither a
// timer nor a goroutine, and looking later changes nothing.

// settle brings a user's applications up to now.
func (u *user) settle(now time.Time, c *Config) {
	for i := 0; i < len(u.apps); {
		a := u.apps[i]
		a.warn(now)
		a.channel.settle(now)
		end, why := a.ends(c)
		silent := a.silent(c)
		u.lapse(a, earliest(now, end, silent))
		if !end.After(now) {
			u.end(a, why)
			u.counts.Expired++
			continue
		}
		if !silent.After(now) {
			u.reset(a, &c.Events)
		}
		i++
	}
}

// ends is when an application ends if nothing more is heard of it, and what it
// answers afterwards: 404 after silence, 410 without activity (UCWA 2.0:
// application, Me dashboard).
func (a *application) ends(c *Config) (time.Time, *failure) {
	at, why := a.lastUsed.Add(c.IdleTimeout), lost()
	if a.channel.opened() {
		at = a.channel.lastHeard().Add(c.Events.Gap)
	}
	if a.available {
		if active := a.lastActivity.Add(c.ActivityTimeout); active.Before(at) {
			return active, inactive()
		}
	}
	return at, why
}

// silent is when an application has sent no event request for so long that its
// subscription is dropped.
func (a *application) silent(c *Config) time.Time {
	heard := time.Now()
	if a.channel.opened() && !a.channel.reset {
		heard = a.channel.lastHeard()
	}
	return heard.Add(c.Events.ResumeAfter)
}

// reset is what a long silence does (UCWA 2.0: Events in UCWA).
func (u *user) reset(a *application, c *ChannelConfig) {
	u.drop(a)
	u.channels.Resumes++
	a.channel.forget(c)
}

// next is when a waiting event request must look again.
func (a *application) next(c *Config) time.Time {
	end, _ := a.ends(c)
	at := earliest(a.channel.due(), end)
	if s := a.subscription; s != nil && !s.warns.IsZero() {
		at = earliest(at, s.warns)
	}
	return at
}

func earliest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.Before(first) {
			first = t
		}
	}
	return first
}
