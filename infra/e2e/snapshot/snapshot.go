// Package snapshot writes down what is in a ledger, in a form in which two runs
// of the same scenario can be compared whatever store kept them.
package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// Snapshot is the content of a ledger.
type Snapshot struct {
	Requests    []ledger.Request    `json:"requests"`
	People      []ledger.Person     `json:"people"`
	Numbers     []ledger.Number     `json:"numbers"`
	Pools       []ledger.Pool       `json:"pools"`
	DeadLetters []ledger.DeadLetter `json:"deadLetters"`
}

// Take reads a ledger: the requests and lines of the given users, and all pools
// with their numbers, and dead letters.
func Take(ctx context.Context, l *ledger.Ledger, users []sipaddr.User) (Snapshot, error) {
	var s Snapshot
	for _, u := range users {
		p, err := l.Person(ctx, u)
		if err != nil {
			return s, fmt.Errorf("snapshot of %s: %w", u, err)
		}
		s.People = append(s.People, p)
		for r, err := range l.Requests(ctx, u) {
			if err != nil {
				return s, fmt.Errorf("snapshot of %s: %w", u, err)
			}
			s.Requests = append(s.Requests, r)
		}
	}
	for p, err := range l.Pools(ctx) {
		if err != nil {
			return s, fmt.Errorf("snapshot of pools: %w", err)
		}
		s.Pools = append(s.Pools, p)
	}
	return s, s.addLists(ctx, l)
}

func (s *Snapshot) addLists(ctx context.Context, l *ledger.Ledger) error {
	for _, p := range s.Pools {
		for n, err := range l.Numbers(ctx, p.LocationID) {
			if err != nil {
				return fmt.Errorf("snapshot of numbers: %w", err)
			}
			s.Numbers = append(s.Numbers, n)
		}
	}
	for d, err := range l.DeadLetters(ctx, time.Time{}) {
		if err != nil {
			return fmt.Errorf("snapshot of dead letters: %w", err)
		}
		s.DeadLetters = append(s.DeadLetters, d)
	}
	return nil
}

// Rules say what may differ between two runs beside times, ids of leases and
// answers, and the numbers that were chosen.
type Rules struct {
	// Alike are users, each with the name of those who may have changed places
	// with him: of a pool with too few numbers, it is not known who goes without.
	// Their entries count by what they say, not by whose they are.
	Alike map[sipaddr.User]string
	// Rename replaces texts, such as the name of a queue that a stack has.
	Rename map[string]string
}

// Canonical returns the entries of a snapshot by kind, one JSON text each, sorted,
// with everything left out that may differ.
func (s Snapshot) Canonical(rules Rules) (map[string][]string, error) {
	c := canon{rules: rules, owners: map[string]string{}}
	for _, n := range s.Numbers {
		if n.User != "" {
			c.owners[string(n.Number)] = fmt.Sprintf("<%s number of %s>", n.PhoneType, n.User)
		}
	}
	out := map[string][]string{}
	for _, kind := range []struct {
		name    string
		entries []entry
	}{
		{"requests", entries(s.Requests, func(r ledger.Request) sipaddr.User { return r.User })},
		{"people", entries(s.People, func(p ledger.Person) sipaddr.User { return p.User })},
		{"numbers", entries(slices.DeleteFunc(slices.Clone(s.Numbers), nobodys), func(n ledger.Number) sipaddr.User { return n.User })},
		{"pools", entries(uncounted(s.Pools), func(ledger.Pool) sipaddr.User { return "" })},
		{"deadLetters", entries(s.DeadLetters, func(d ledger.DeadLetter) sipaddr.User { return d.User })},
	} {
		for _, e := range kind.entries {
			text, err := c.text(e)
			if err != nil {
				return nil, fmt.Errorf("canonical %s: %w", kind.name, err)
			}
			out[kind.name] = append(out[kind.name], text)
		}
		slices.Sort(out[kind.name])
	}
	return out, nil
}

// nobodys is a number that was looked at and is free, or was set aside: which
// were met, is chance.
func nobodys(n ledger.Number) bool { return n.User == "" }

// uncounted returns pools without what the hourly checks have found: whether one
// falls into a run is a matter of time.
func uncounted(pools []ledger.Pool) []ledger.Pool {
	var all []ledger.Pool
	for _, p := range pools {
		stocks := map[command.LicenseType]ledger.Stock{}
		for license := range p.Stocks {
			stocks[license] = ledger.Stock{}
		}
		p.Stocks = stocks
		all = append(all, p)
	}
	return all
}

type entry struct {
	user  sipaddr.User
	value any
}

func entries[T any](all []T, user func(T) sipaddr.User) []entry {
	var out []entry
	for _, v := range all {
		out = append(out, entry{user(v), v})
	}
	return out
}

// canon makes entries comparable.
type canon struct {
	rules  Rules
	owners map[string]string // by number
}

func (c canon) text(e entry) (string, error) {
	raw, err := json.Marshal(e.value)
	if err != nil {
		return "", err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	v = c.value("", v)
	if group, alike := c.rules.Alike[e.user]; alike {
		v = anonymous(v, string(e.user), group)
	}
	raw, err = json.Marshal(v)
	return string(raw), err
}

// value replaces what may differ in any entry. name is the field it is in.
func (c canon) value(name string, v any) any {
	switch name {
	case "trackingIds":
		return "<ids>"
	case "lease", "owner":
		return "<id>"
	case "problem":
		if text, is := v.(string); is {
			v = regexp.MustCompile(`https?://\S+`).ReplaceAllString(text, "<url>") // with port and application
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			v[key] = c.value(key, below)
		}
		if v["dryRun"] == true {
			planned(v)
		}
	case []any:
		for i, below := range v {
			v[i] = c.value(name, below)
		}
	case string:
		return c.word(v)
	}
	return v
}

// planned hides the number that a dry run would have given: any of the pool.
func planned(outcome map[string]any) {
	outcome["number"] = "<planned>"
	if after, ok := outcome["after"].(map[string]any); ok {
		after["number"] = "<planned>"
	}
}

func (c canon) word(s string) string {
	if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return "<time>"
	}
	for from, to := range c.rules.Rename {
		s = strings.ReplaceAll(s, from, to)
	}
	if owner, found := c.owners[strings.TrimPrefix(s, "tel:")]; found {
		return owner
	}
	return s
}

// anonymous also replaces what tells the members of a group apart: who they are
// and which kind of phone and licence they asked for.
func anonymous(v any, user, group string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, below := range v {
			switch key {
			case "id", "fingerprint", "body", "phoneType", "type", "includeInContactCard", "subject":
				out[key] = "<" + key + " of " + group + ">"
			case "lines":
				out[key] = list(anonymous(below, user, group))
			default:
				out[key] = anonymous(below, user, group)
			}
		}
		return out
	case []any:
		for i, below := range v {
			v[i] = anonymous(below, user, group)
		}
	case string:
		if strings.HasPrefix(v, "<") && strings.Contains(v, user) {
			return "<number of " + group + ">"
		}
		return strings.NewReplacer(user, group, string(command.Standard), "<licence>", string(command.Professional), "<licence>").Replace(v)
	}
	return v
}

// list forgets the names of a mapping.
func list(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := []any{}
	for _, below := range m {
		out = append(out, below)
	}
	return out
}
