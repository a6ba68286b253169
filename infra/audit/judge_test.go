package audit

import (
	"strings"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/webex"
)

const (
	home                = "home"
	one    e164.Number  = "+4940555001"
	two    e164.Number  = "+4940555002"
	ada    sipaddr.User = "ada.lovelace@contoso.test"
	grace  sipaddr.User = "grace@contoso.test"
	adaKey              = "ada's"
)

var (
	now  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	long = now.Add(-2 * time.Hour)
	just = now.Add(-time.Minute)
	lady = &webex.Owner{Type: person, FirstName: "Ada", LastName: "Lovelace"}
	lord = &webex.Owner{Type: person, FirstName: "Lord", LastName: "Byron"}
	hunt = &webex.Owner{Type: "HUNT_GROUP", LastName: "Lovelace"}
	hers = command.Key{Source: "hr", ID: adaKey}
)

// world is what a test says of each side; see sound.
type world struct {
	number  ledger.Number // of one
	other   ledger.Number // of two
	lines   map[command.PhoneType]ledger.Line
	nobody  bool // the case has no user
	request ledger.RequestState

	owner   *webex.Owner // of one
	absent  bool         // Webex does not have one
	offered bool         // one is listed as available
	listed  bool         // Webex has two
	silent  bool         // Webex does not tell

	phones map[command.PhoneType]string // nil: not read
	refuse *failure.Error
	inUse  bool // one is shown by somebody else's phone
}

// sound is Ada with a number that all three sides agree about.
func sound() world {
	return world{
		number: ledger.Number{Number: one, LocationID: home, State: ledger.Assigned, User: ada, PhoneType: command.Work, Request: hers, Since: long},
		lines:  map[command.PhoneType]ledger.Line{command.Work: line(ledger.LineAssigned, one)},
		phones: map[command.PhoneType]string{command.Work: one.Tel(), command.Mobile: "", command.Home: "040 555 001"},
		owner:  lady,
	}
}

func line(state ledger.LineState, n e164.Number) ledger.Line {
	return ledger.Line{State: state, Number: n, LocationID: home, Request: hers, Since: long}
}

func (w world) facts() facts {
	f := facts{now: now, grace: time.Hour, locationID: home, own: []e164.Number{one}, inUse: map[e164.Number]bool{one: w.inUse}}
	f.books = books{
		user: ada, person: ledger.Person{User: ada, Lines: w.lines}, numbers: map[e164.Number]ledger.Number{one: w.number, two: w.other},
		requests: map[command.Key]ledger.Request{hers: {State: w.request}},
	}
	if w.nobody {
		f.books.user, f.books.person = "", ledger.Person{}
	}
	if !w.silent {
		f.webex = &inventory{
			numbers: map[e164.Number]webex.Number{}, offered: map[e164.Number]bool{one: w.offered}, absent: map[e164.Number]bool{one: w.absent},
		}
		if !w.absent {
			f.webex.numbers[one] = webex.Number{PhoneNumber: one, Owner: w.owner}
		}
		if w.listed {
			f.webex.numbers[two] = webex.Number{PhoneNumber: two}
		}
	}
	if w.phones != nil || w.refuse != nil {
		f.reading = &reading{name: "Ada", phones: w.phones, err: w.refuse}
	}
	return f
}

// number in a state, with whoever has or had it.
func number(state ledger.NumberState, user sipaddr.User) ledger.Number {
	n := ledger.Number{Number: one, LocationID: home, State: state, User: user, Since: long, Request: hers}
	if user != "" {
		n.PhoneType = command.Work
	}
	return n
}

func resting(user sipaddr.User, until time.Time) ledger.Number {
	n := number(ledger.Quarantined, user)
	n.RestsUntil = until
	return n
}

// TestJudge: what is drift, and what is not. A case says what differs from a
// sound world, and the kinds that are to be found with their repairs.
func TestJudge(t *testing.T) {
	t.Parallel()
	show := func(w *world, t command.PhoneType, number string) {
		w.phones = map[command.PhoneType]string{command.Work: one.Tel(), command.Mobile: ""}
		w.phones[t] = number
	}
	left := func(w *world, n ledger.Number) { // Ada has no line any more
		w.number, w.lines, w.owner = n, nil, nil
		w.phones = map[command.PhoneType]string{command.Work: ""}
	}
	for name, c := range map[string]struct {
		differs func(*world)
		want    []Kind
		repair  Repair // of the first
		words   string // in the problem or the mend of the first
	}{
		"sound":                  {},
		"sound without Webex":    {differs: func(w *world) { w.silent = true }},
		"sound without phones":   {differs: func(w *world) { w.phones = nil }},
		"sound, written by hand": {differs: func(w *world) { show(w, command.Work, "tel:+49 (40) 555-001") }},
		"sound, no owner":        {differs: func(w *world) { w.owner = nil }},
		"parked for a time": {differs: func(w *world) {
			left(w, ledger.Number{Number: one, LocationID: home, State: ledger.Parked, RestsUntil: just})
			w.owner = lord
		}},
		"rest that nobody breaks": {differs: func(w *world) { left(w, resting(ada, now.Add(time.Hour))) }},

		"phone shows none":           {func(w *world) { show(w, command.Work, "") }, []Kind{AssignedButGone}, Publish, "shows no number"},
		"phone shows none, and gone": {func(w *world) { show(w, command.Work, ""); w.absent = true }, []Kind{AssignedButGone}, "", "Webex does not have"},
		"gone, phones not read":      {func(w *world) { w.phones, w.absent = nil, true }, []Kind{AssignedButGone}, "", "Control Hub"},
		"gone says a silent Webex":   {func(w *world) { w.absent, w.silent = true, true }, nil, "", ""},
		"no such phone":              {func(w *world) { w.phones = map[command.PhoneType]string{} }, []Kind{AssignedButGone}, Publish, ""},

		"other number":              {func(w *world) { show(w, command.Work, "tel:+15550001") }, []Kind{ChangedByHand}, "", "+15550001"},
		"same digits, an extension": {func(w *world) { show(w, command.Work, one.Tel()+";ext=7") }, []Kind{ChangedByHand}, "", "replace"},
		"replace under way": {func(w *world) {
			show(w, command.Work, "tel:+15550001")
			old := w.lines[command.Work]
			next := line(ledger.LinePinned, two)
			next.Previous, w.request = &old, ledger.Waiting
			w.lines = map[command.PhoneType]ledger.Line{command.Work: next}
			w.other = ledger.Number{Number: two, LocationID: home, State: ledger.Reserved, User: ada, PhoneType: command.Work, Since: just}
		}, nil, "", ""},

		"free, owned":              {func(w *world) { left(w, number(ledger.Free, "")); w.owner, w.nobody = lord, true }, []Kind{FreeButOwned}, Rest, "Lord Byron"},
		"unknown, owned, offered":  {func(w *world) { left(w, ledger.Number{}); w.owner, w.nobody, w.offered = lord, true, true }, []Kind{FreeButOwned}, Rest, "offers it"},
		"rested, owned":            {func(w *world) { left(w, resting(ada, just)); w.owner = hunt }, []Kind{FreeButOwned}, Rest, "HUNT_GROUP"},
		"rested, on the phone":     {func(w *world) { left(w, resting(ada, just)); show(w, command.Mobile, one.Tel()) }, []Kind{FreeButOwned}, SetAside, "mobile phone"},
		"taken over meanwhile":     {func(w *world) { left(w, number(ledger.Assigned, grace)); w.nobody = true }, nil, "", ""},
		"another free, on a phone": {func(w *world) { show(w, command.Mobile, two.Tel()); w.listed = true }, []Kind{FreeButOwned}, SetAside, "mobile phone"},
		"another known as free": {func(w *world) {
			show(w, command.Mobile, two.Tel())
			w.other = ledger.Number{LocationID: home, State: ledger.Free}
		}, []Kind{FreeButOwned}, SetAside, ""},
		"a number of elsewhere": {func(w *world) { show(w, command.Mobile, two.Tel()) }, nil, "", ""},
		"of another location": {func(w *world) {
			show(w, command.Mobile, two.Tel())
			w.other = ledger.Number{LocationID: "x", State: ledger.Free}
		}, nil, "", ""},
		"another parked, shown": {func(w *world) {
			show(w, command.Mobile, two.Tel())
			w.other = ledger.Number{LocationID: home, State: ledger.Parked}
		}, nil, "", ""},

		"resting, owned":        {func(w *world) { left(w, resting(ada, now.Add(time.Hour))); w.owner = lady }, []Kind{QuarantinedButUsed}, Rest, "Ada Lovelace"},
		"resting, on the phone": {func(w *world) { left(w, resting(ada, now.Add(time.Hour))); show(w, command.Work, one.Tel()) }, []Kind{QuarantinedButUsed}, "", "gets this number back"},
		"another resting, shown": {func(w *world) {
			show(w, command.Mobile, two.Tel())
			w.other = ledger.Number{LocationID: home, State: ledger.Quarantined, User: grace, RestsUntil: now.Add(time.Hour)}
		}, []Kind{QuarantinedButUsed}, "", "ada"},
		"release under way": {func(w *world) {
			w.number, w.request = resting(ada, now.Add(time.Hour)), ledger.Running
			w.lines, w.owner = map[command.PhoneType]ledger.Line{command.Work: line(ledger.LineReleasing, one)}, nil
		}, nil, "", ""},

		"owned by another": {func(w *world) { w.owner = lord }, []Kind{OwnerDisagrees}, "", "Webex to Lord Byron"},
		"owned by a group": {func(w *world) { w.owner = hunt }, []Kind{OwnerDisagrees}, "", "HUNT_GROUP"},
		"shown by two": {func(w *world) {
			show(w, command.Mobile, two.Tel())
			w.other = ledger.Number{LocationID: home, State: ledger.Assigned, User: grace}
		}, []Kind{OwnerDisagrees}, "", "grace"},
		"reserved, two show it": {func(w *world) {
			show(w, command.Mobile, two.Tel())
			w.other = ledger.Number{LocationID: home, State: ledger.Reserved, User: grace}
		}, []Kind{OwnerDisagrees}, "", "reserved"},

		"claim without pin, phones not read": {func(w *world) {
			left(w, number(ledger.Reserved, ada))
			w.phones = nil
		}, []Kind{ReservedWithoutLine}, "", "not to be seen"},
		"claim without pin, phones closed": {func(w *world) {
			left(w, number(ledger.Reserved, ada))
			w.phones, w.refuse = nil, &failure.Error{Class: failure.Denied, Reason: "no", Advice: "ask"}
		}, []Kind{ReservedWithoutLine}, "", "not to be seen"},
		"claim without pin":      {func(w *world) { left(w, number(ledger.Reserved, ada)) }, []Kind{ReservedWithoutLine}, GiveBack, "came late"},
		"claim, just now":        {func(w *world) { left(w, number(ledger.Reserved, ada)); w.number.Since = just }, nil, "", ""},
		"claim that a phone has": {func(w *world) { left(w, number(ledger.Reserved, ada)); show(w, command.Work, one.Tel()) }, []Kind{ReservedWithoutLine}, "", "send an assign"},
		"claim with its pin": {func(w *world) {
			w.number.State = ledger.Reserved
			w.lines = map[command.PhoneType]ledger.Line{command.Work: line(ledger.LinePinned, one)}
			w.phones = nil
		}, nil, "", ""},
		"assigned without line":   {func(w *world) { w.lines = nil }, []Kind{AssignedWithoutLine}, "", "no line"},
		"assigned, line to come":  {func(w *world) { w.lines = nil; w.number.Since = just }, nil, "", ""},
		"line of an unknown":      {func(w *world) { w.number, w.owner = ledger.Number{}, nil }, []Kind{FreeButOwned, LineWithoutNumber}, SetAside, ""},
		"line of another's":       {func(w *world) { w.number.User = grace; w.owner = nil }, []Kind{LineWithoutNumber}, "", "assigned for grace"},
		"line only claimed":       {func(w *world) { w.number.State = ledger.Reserved }, []Kind{LineWithoutNumber}, Record, "reserved"},
		"line of a free one":      {func(w *world) { w.number, w.owner, w.phones = number(ledger.Free, ""), nil, nil }, []Kind{LineWithoutNumber}, Record, "but the number is free"},
		"line, the phone differs": {func(w *world) { w.number, w.owner = number(ledger.Free, ""), nil; show(w, command.Work, "") }, []Kind{LineWithoutNumber}, "", ""},
		"stuck pin": {func(w *world) {
			w.number, w.owner, w.request = number(ledger.Free, ""), nil, ledger.Failed
			w.lines = map[command.PhoneType]ledger.Line{command.Work: line(ledger.LinePinned, one)}
			w.phones = nil
		}, []Kind{LineWithoutNumber}, "", "assign"},
		"pin on its queue": {func(w *world) {
			w.number, w.owner, w.request = number(ledger.Free, ""), nil, ledger.Waiting
			w.lines = map[command.PhoneType]ledger.Line{command.Work: line(ledger.LinePinned, one)}
			w.phones = nil
		}, nil, "", ""},
		"stuck release": {func(w *world) {
			w.request, w.owner = ledger.Done, nil
			w.lines = map[command.PhoneType]ledger.Line{command.Work: line(ledger.LineReleasing, one)}
		}, []Kind{LineWithoutNumber}, "", "release"},

		"parked, nobody has it":   {func(w *world) { left(w, number(ledger.Parked, "")); w.number.Reason = "it was odd" }, []Kind{ParkedForGood}, "", "it was odd; nobody is seen"},
		"parked, not looked":      {func(w *world) { left(w, number(ledger.Parked, "")); w.phones = nil }, []Kind{ParkedForGood}, "", "not to be seen"},
		"parked, owned":           {func(w *world) { left(w, number(ledger.Parked, "")); w.owner = lord }, nil, "", ""},
		"parked, on the phone":    {func(w *world) { left(w, number(ledger.Parked, "")); show(w, command.Work, one.Tel()) }, nil, "", ""},
		"parked, on another's":    {func(w *world) { left(w, number(ledger.Parked, "")); w.inUse, w.nobody = true, true }, nil, "", ""},
		"refused":                 {func(w *world) { w.phones, w.refuse = nil, refusal() }, []Kind{NotReadable}, "", "Correct the secret; then audit"},
		"refused, and has left":   {func(w *world) { left(w, resting(ada, now.Add(time.Hour))); w.phones, w.refuse = nil, refusal() }, nil, "", ""},
		"refused, owned by other": {func(w *world) { w.phones, w.refuse, w.owner = nil, refusal(), lord }, []Kind{NotReadable, OwnerDisagrees}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			if c.differs != nil {
				c.differs(&w)
			}
			found := w.facts().judge()
			if len(found) != len(c.want) {
				t.Fatalf("found %+v, want %v", found, c.want)
			}
			for i, f := range found {
				if f.Kind != c.want[i] {
					t.Errorf("kind %s, want %s", f.Kind, c.want[i])
				}
				if f.Problem == "" || f.Mend == "" || f.LocationID != home {
					t.Errorf("words are missing: %+v", f)
				}
			}
			if len(found) > 0 && found[0].Repair != c.repair {
				t.Errorf("repair %q, want %q", found[0].Repair, c.repair)
			}
			if len(found) > 0 && !strings.Contains(found[0].Problem+" | "+found[0].Mend, c.words) {
				t.Errorf("%q is in neither of %q, %q", c.words, found[0].Problem, found[0].Mend)
			}
		})
	}
}

func refusal() *failure.Error {
	return &failure.Error{Class: failure.Denied, Reason: "wrong password", Advice: "Correct the secret, then replay the request."}
}

// TestUserOfSetAside: what is set aside bears a request of the user whose phone
// shows it, by which the next audit finds the user.
func TestUserOfSetAside(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]ledger.Person{
		"of the line":    {Lines: map[command.PhoneType]ledger.Line{command.Mobile: {Request: hers}}},
		"of any line":    {Lines: map[command.PhoneType]ledger.Line{command.Work: {Request: hers}}},
		"of the release": {Released: map[command.PhoneType]outcome.Released{command.Mobile: {Request: hers}}},
	} {
		f := facts{books: books{user: ada, person: p}}
		if found := f.visible(ledger.Number{Number: two, User: grace}, command.Mobile); found[0].known.Request != hers || found[0].User != ada {
			t.Errorf("%s: %+v", name, found[0])
		}
	}
}

func TestIsOwner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, last string
		user        sipaddr.User
		displayed   string
		want        bool
	}{
		{"Ada", "Lovelace", "ada.lovelace@contoso.test", "", true},
		{"Ada", "Lovelace", "alovelace@contoso.test", "", true},
		{"Ada", "Lovelace", "u1234@contoso.test", "Ada Lovelace", true},
		{"Ada", "LOVELACE-King", "u1234@contoso.test", "Lovelace, Ada", true},
		{"Jörg", "Müller", "joerg.mueller@contoso.test", "", true},
		{"Jörg", "Mueller", "x@contoso.test", "Jörg Müller", true},
		{"Eva", "Weiß", "weiss@contoso.test", "", true},
		{"Ada", "", "ada@contoso.test", "", true},
		{"Ada", "Li", "ada.li@contoso.test", "", true},
		{"Ada", "Lovelace", "u1234@contoso.test", "", false},
		{"Ada", "Lovelace", "ada.byron@contoso.test", "Ada Byron", false},
		{"Ada", "Li", "u1234@contoso.test", "Ada Miller", false},
		{"", "", "ada@contoso.test", "Ada", false},
	} {
		if got := isOwner(webex.Owner{Type: person, FirstName: c.first, LastName: c.last}, c.user, c.displayed); got != c.want {
			t.Errorf("%s %s is %s (%s): %t", c.first, c.last, c.user, c.displayed, got)
		}
	}
	if isOwner(webex.Owner{Type: "PLACE", LastName: "Ada"}, "ada@contoso.test", "") {
		t.Error("a place is taken for a person")
	}
}

func TestParseKinds(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"all":                               "assigned-but-gone free-but-owned quarantined-but-used reserved-without-line line-without-number",
		"free-but-owned, assigned-but-gone": "free-but-owned assigned-but-gone",
		"free":                              `error: "free" is no kind of drift`,
		"changed-by-hand":                   "error: changed-by-hand is for a person",
		"":                                  "error",
	} {
		kinds, err := ParseKinds(s)
		got := make([]string, 0, len(kinds))
		for _, k := range kinds {
			got = append(got, string(k))
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("%q: %s, want %s", s, text, want)
		}
	}
}
