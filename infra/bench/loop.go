package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dialtone/infra/sim/webexsim"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// loop is the bare loop: the requests and ledger operations of assigning
// numbers, with no thought in between.
type loop struct {
	http     *http.Client
	store    ledger.Store
	webex    string // base URL
	location string
	script   script
	access   map[sipaddr.User]access

	mu    sync.Mutex
	order []int // places in the list of numbers, in the order in which they are used
}

// access is what a signed-in user has: where applications are made, and a token.
type access struct{ applications, token string }

// How many numbers of the list the handler looks up in the ledger and in the
// inventory for a batch of ten.
const (
	lookedUp = 88
	vetted   = 22
)

type link struct{ Href string }

type listing struct {
	PhoneNumbers []struct{ PhoneNumber, State string }
}

// batch gives each user a number.
func (l *loop) batch(ctx context.Context, users []sipaddr.User) error {
	var list, inventory listing
	place := url.Values{"locationId": {l.location}, "licenseType": {"Webex Calling Professional"}}
	if err := l.ask(ctx, "/telephony/config/people/primary/availableNumbers", place, &list); err != nil {
		return err
	}
	all := list.PhoneNumbers
	at := rand.IntN(len(all) - lookedUp)
	for range l.script.lists {
		for _, err := range l.store.List(ctx, "location/"+l.location, all[at].PhoneNumber, all[at+lookedUp-1].PhoneNumber) {
			if err != nil {
				return err
			}
		}
	}
	var some []string
	for _, n := range all[at : at+vetted] {
		some = append(some, n.PhoneNumber)
	}
	if err := l.ask(ctx, "/telephony/config/numbers", url.Values{"phoneNumber": {strings.Join(some, ",")}}, &inventory); err != nil {
		return err
	}
	var g errgroup.Group
	for _, u := range users {
		number := all[l.next()].PhoneNumber
		g.Go(func() error { return l.assign(ctx, u, number) })
	}
	return g.Wait()
}

func (l *loop) next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.order[0]
	l.order = l.order[1:]
	return i
}

type application struct {
	Links    struct{ Self link } `json:"_links"`
	Embedded struct {
		Me struct {
			Links struct{ Phones link } `json:"_links"`
		}
	} `json:"_embedded"`
}

type phones struct {
	Embedded struct {
		Phone []struct {
			Type, Number string
			Links        struct{ ChangeNumber link } `json:"_links"`
		}
	} `json:"_embedded"`
}

// changeNumber is where the number of the work phone is changed.
func (p phones) changeNumber() string {
	for _, phone := range p.Embedded.Phone {
		if phone.Type == "work" {
			return phone.Links.ChangeNumber.Href
		}
	}
	return ""
}

// assign gives one user a number.
func (l *loop) assign(ctx context.Context, u sipaddr.User, number string) error {
	a := l.access[u]
	there := func(href string) string { return origin(a.applications) + href }
	var app application
	var found, changed phones
	for _, do := range []func() error{
		func() error { return l.script.play(ctx, l.store, l.script.before, u, number, l.location) },
		func() error {
			body := map[string]string{"culture": "en-US", "endpointId": "loop", "userAgent": "dialtone"}
			return l.call(ctx, http.MethodPost, a.applications, a.token, body, &app)
		},
		func() error {
			return l.call(ctx, http.MethodGet, there(app.Embedded.Me.Links.Phones.Href), a.token, nil, &found)
		},
		func() error { return l.script.play(ctx, l.store, l.script.chosen, u, number, l.location) },
		func() error {
			return l.call(ctx, http.MethodPost, there(found.changeNumber()), a.token, map[string]string{"number": "tel:" + number}, nil)
		},
		func() error {
			return l.call(ctx, http.MethodGet, there(app.Embedded.Me.Links.Phones.Href), a.token, nil, &changed)
		},
		func() error { return l.script.play(ctx, l.store, l.script.changed, u, number, l.location) },
		func() error { return l.call(ctx, http.MethodDelete, there(app.Links.Self.Href), a.token, nil, nil) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// ask reads a page of Webex.
func (l *loop) ask(ctx context.Context, path string, q url.Values, answer any) error {
	return l.call(ctx, http.MethodGet, l.webex+path+"?"+q.Encode(), webexsim.DefaultToken().AccessToken, nil, answer)
}

// call makes one request, with a JSON body unless body is nil, and decodes the
// answer unless that is nil.
func (l *loop) call(ctx context.Context, method, to, token string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, to, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	return l.do(req, answer)
}

func (l *loop) do(req *http.Request, answer any) error {
	resp, err := l.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return fmt.Errorf("bare loop: %s %s: %s", req.Method, req.URL.Path, resp.Status)
	}
	if answer != nil {
		err = json.NewDecoder(resp.Body).Decode(answer)
	}
	_, rest := io.Copy(io.Discard, resp.Body) // so that the connection is kept
	return errors.Join(err, rest)
}

func origin(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return u
	}
	return parsed.Scheme + "://" + parsed.Host
}

// signIn finds out where the users' applications are made and gets their tokens.
func (l *loop) signIn(ctx context.Context, discovery string, users []sipaddr.User) error {
	var root, home struct {
		Links struct{ User, Applications link } `json:"_links"`
	}
	if err := l.call(ctx, http.MethodGet, discovery, "", nil, &root); err != nil {
		return err
	}
	for _, u := range users {
		var ticket struct {
			Token string `json:"access_token"`
		}
		form := url.Values{"grant_type": {"password"}, "username": {string(u)}, "password": {password(u)}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, origin(discovery)+"/WebTicket/oauthtoken", strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := l.do(req, &ticket); err != nil {
			return err
		}
		if err := l.call(ctx, http.MethodGet, root.Links.User.Href, ticket.Token, nil, &home); err != nil {
			return err
		}
		l.access[u] = access{home.Links.Applications.Href, ticket.Token}
	}
	return nil
}

// script is what the handler does to the ledger for one message, and how many
// lists it reads for a batch.
type script struct {
	before, chosen, changed []step // the application is opened; the number changed
	lists                   int
}

// newScript cuts up what a handler did for a batch of one: the person is pinned
// once the phone was read, and the number is written again after the change.
func newScript(r *recorder) (script, error) {
	steps := slices.DeleteFunc(slices.Clone(r.steps), func(s step) bool { return s.item.Key.Kind == ledger.KindPool })
	writes := func(k ledger.Kind, version int64) int {
		return slices.IndexFunc(steps, func(s step) bool {
			return s.write && s.item.Key.Kind == k && s.item.Version == version
		})
	}
	pin, confirm := writes(ledger.KindPerson, 0), writes(ledger.KindNumber, 1)
	if pin < 0 || confirm < pin {
		return script{}, errors.New("the handler writes its ledger in another order than the bare loop knows")
	}
	return script{before: steps[:pin], chosen: steps[pin:confirm], changed: steps[confirm:], lists: r.lists}, nil
}

// play does steps for a user and a number.
func (script) play(ctx context.Context, store ledger.Store, steps []step, u sipaddr.User, number, location string) error {
	for _, s := range steps {
		item := renamed(s.item, u, number, location)
		var err error
		if s.write {
			err = store.Put(ctx, item)
		} else {
			_, err = store.Get(ctx, item.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renamed is the item of another user and number, with the same data and, but
// for the user's, texts of the same length.
func renamed(item ledger.Item, u sipaddr.User, number, location string) ledger.Item {
	switch item.Key.Kind {
	case ledger.KindNumber:
		item.Key.ID, item.Sort, item.Index = number, number, "location/"+location
	case ledger.KindPerson:
		item.Key.ID = string(u)
	default:
		item.Key.ID = fmt.Sprintf("%x", string(u)) + item.Key.ID[min(len(item.Key.ID), 2*len(u)):]
		item.Index = "user/" + string(u)
	}
	return item
}
