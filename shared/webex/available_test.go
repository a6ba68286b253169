package webex_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dialtone/shared/failure"
	"dialtone/shared/webex"
)

const availableURL = "https://webexapis.com/v1/telephony/config/people/primary/availableNumbers"

func next(query string) []string {
	return []string{"Link", "<" + availableURL + "?" + query + `>;rel="next"`, "TrackingID", "ROUTER_" + query}
}

func TestAvailableNumbersGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{OrgID: "O"}, inTurn(
		page(next("start=3&max=3&locationId=L&orgId=O"), num(1), num(2), num(3)),
		page(next("start=6&max=3"), num(3), num(4), num(5)), // 3 moved up, and the filters are lost
		page(next("start=9&max=3&locationId=L&orgId=O")),
	))
	got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{LocationID: "L", Max: 3}))
	if err != nil || !slices.Equal(got, nums(1, 6)) {
		t.Errorf("%v %v, want 1 to 5 once each", got, err)
	}
	want := []string{"locationId=L&max=3&orgId=O", "start=3&max=3&locationId=L&orgId=O", "locationId=L&max=3&orgId=O&start=6"}
	for i, r := range m.seen() {
		if i >= len(want) || r.URL.RawQuery != want[i] {
			t.Errorf("request %d asks for %s, want %q", i+1, r.URL.RawQuery, want)
		}
	}
}

func TestPagesCarryTheirPlaceAndAreLazy(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{}, inTurn(
		page(next("start=12&max=2"), num(1), num(2)),
		page(next("start=14&max=2"), num(2), "1205", num(3)),
		page(nil, num(4)),
	))
	var got []webex.AvailableNumbersPage
	for p, err := range c.AvailableNumberPages(t.Context(), webex.AvailableNumbersOptions{Start: 10, Max: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
		if len(m.seen()) != len(got) {
			t.Fatalf("%d requests for %d pages, want each when it is due", len(m.seen()), len(got))
		}
		if len(got) == 2 {
			break
		}
	}
	plain := func(n int) webex.AvailableNumber {
		return webex.AvailableNumber{PhoneNumber: e164s(num(n))[0], State: webex.Active, TelephonyType: webex.PSTNNumber}
	}
	want := []webex.AvailableNumbersPage{
		{Numbers: []webex.AvailableNumber{plain(1), plain(2)}, Start: 10, TrackingID: "ROUTER_start=12&max=2"},
		{Numbers: []webex.AvailableNumber{plain(3)}, Start: 12, TrackingID: "ROUTER_start=14&max=2", Unreadable: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if len(m.seen()) != 2 {
		t.Errorf("%d requests after leaving the loop, want 2", len(m.seen()))
	}
}

func TestAvailableNumbersCanBeRangedTwice(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{}, page(nil, num(1)))
	seq := c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{})
	for range 2 {
		if got, err := collect(seq); err != nil || !slices.Equal(got, nums(1, 2)) {
			t.Errorf("%v %v, want the number again", got, err)
		}
	}
	if len(m.seen()) != 2 {
		t.Errorf("%d requests, want 2", len(m.seen()))
	}
}

func TestAvailableNumberFields(t *testing.T) {
	t.Parallel()
	pstn, mobile := `"telephonyType":"PSTN_NUMBER"`, `"telephonyType":"MOBILE_NUMBER"`
	for _, c := range []struct {
		name, fields string
		want         webex.AvailableNumber
	}{
		{
			"published sample, entry 1", `"state":"ACTIVE","includedTelephonyTypes":"MOBILE_NUMBER","mobileNetwork":"mobileNetwork","routingProfile":"AttRtPf"`,
			webex.AvailableNumber{State: webex.Active, Mobile: true, TelephonyType: webex.MobileNumber, MobileNetwork: "mobileNetwork", RoutingProfile: "AttRtPf"},
		},
		{"both types, different", `"includedTelephonyTypes":"MOBILE_NUMBER",` + pstn, webex.AvailableNumber{Mobile: true, TelephonyType: webex.PSTNNumber}},
		{"both types, the other way round", `"includedTelephonyTypes":"PSTN_NUMBER",` + mobile, webex.AvailableNumber{Mobile: true, TelephonyType: webex.MobileNumber}},
		{"both types, same", `"includedTelephonyTypes":"PSTN_NUMBER",` + pstn, webex.AvailableNumber{TelephonyType: webex.PSTNNumber}},
		{"one type", pstn, webex.AvailableNumber{TelephonyType: webex.PSTNNumber}},
		{"mobile", mobile, webex.AvailableNumber{Mobile: true, TelephonyType: webex.MobileNumber}},
		{"network alone", pstn + `,"mobileNetwork":"m"`, webex.AvailableNumber{Mobile: true, TelephonyType: webex.PSTNNumber, MobileNetwork: "m"}},
		{"profile alone", pstn + `,"routingProfile":"r"`, webex.AvailableNumber{Mobile: true, TelephonyType: webex.PSTNNumber, RoutingProfile: "r"}},
		{"types as a list", `"includedTelephonyTypes":["PSTN_NUMBER"]`, webex.AvailableNumber{TelephonyType: webex.PSTNNumber}},
		{"list with a mobile type", `"includedTelephonyTypes":["PSTN_NUMBER","MOBILE_NUMBER"]`, webex.AvailableNumber{Mobile: true, TelephonyType: webex.PSTNNumber}},
		{"nothing", `"telephonyType":null,"includedTelephonyTypes":null,"mobileNetwork":null`, webex.AvailableNumber{}},
		{"values of the future", `"state":"ASLEEP","telephonyType":"SATELLITE","x":{}`, webex.AvailableNumber{State: "ASLEEP", TelephonyType: "SATELLITE"}},
		{"main and service", `"isMainNumber":true,"isServiceNumber":true,"state":"INACTIVE"`, webex.AvailableNumber{State: webex.Inactive, MainNumber: true, ServiceNumber: true}},
	} {
		client, _ := connect(t, webex.Config{}, status(200, "\ufeff"+`{"phoneNumbers":[{"phoneNumber":"+12056350001",`+c.fields+`}]}`))
		c.want.PhoneNumber = "+12056350001"
		for got, err := range client.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{}) {
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
			}
		}
	}
}

// TestOddEntriesHideNothing proves that an entry nobody understands is left out
// and counted, and its neighbours are not.
func TestOddEntriesHideNothing(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{
		`{"phoneNumber":"+12056350009","isMainNumber":"yes"}`, `{"phoneNumber":12056350009}`, `"+12056350009"`, `[]`,
		`{"phoneNumber":""}`, `{}`, `null`, `{"phoneNumber":"8009"}`, `{"phoneNumber":"+12056350009;ext=5"}`,
	} {
		c, _ := connect(t, webex.Config{}, status(200, `{"phoneNumbers":[{"phoneNumber":"+12056350001"},`+odd+`,{"phoneNumber":"+1 205 635-0002"}]}`))
		for p, err := range c.AvailableNumberPages(t.Context(), webex.AvailableNumbersOptions{}) {
			if err != nil || len(p.Numbers) != 2 || p.Numbers[0].PhoneNumber != "+12056350001" || p.Numbers[1].PhoneNumber != "+12056350002" || p.Unreadable != 1 {
				t.Errorf("with %s: %+v %v, want the two others", odd, p, err)
			}
		}
	}
}

// TestWhatIsNoPageIsAnError matters because an empty list means that a location
// has nothing left.
func TestWhatIsNoPageIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for body, calls := range map[string]int{
			`{}`: 1, `{"items":[]}`: 1, `{"phoneNumbers":null}`: 1, `{"phoneNumbers":"none"}`: 1, `{"phoneNumbers":{}}`: 1, `[]`: 1, `null`: 1, `5`: 1,
			`{"message":"try later","errors":{}}`: 1,
			// Not JSON at all may be an accident on the way: worth another try.
			``: 4, `<html><title>Sign in</title>`: 4, `{"phoneNumbers":[{"phoneNumber":"+1205635`: 4, "\xff": 4,
		} {
			c, m := connect(t, webex.Config{}, status(200, body, "TrackingID", "ROUTER"))
			e := asError(t, first(t.Context(), c))
			if e.Class != failure.Unavailable || e.Status != 200 || e.TrackingID != "ROUTER" || len(m.seen()) != calls {
				t.Errorf("%q: %v after %d requests, want unavailable, status 200, tracking id, after %d", body, e, len(m.seen()), calls)
			}
			if strings.Contains(e.Error(), "1205635") {
				t.Errorf("%q: error quotes the body: %v", body, e)
			}
		}
	})
}

func TestBadOptionsAreReportedAtOnceWithoutACall(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{}, page(nil))
	err := first(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{
		OrgID: strings.Repeat("o", 129), LocationID: strings.Repeat("l", 129), LicenseType: "VAR_STANDARD",
		PhoneNumbers: e164s(num(1), "12056350001"), Max: -1, Start: -1,
	}))
	e := asError(t, err)
	for _, word := range []string{"orgId", "locationId", "licenseType", "phoneNumber 2", "max", "start"} {
		if !strings.Contains(e.Error(), word) {
			t.Errorf("%v does not name %s", e, word)
		}
	}
	if e.Class != failure.Invalid || e.Remedy != webex.None || len(m.seen()) != 1 {
		t.Errorf("class %s remedy %q, %d requests, want invalid without a call", e.Class, e.Remedy, len(m.seen()))
	}
	long := strings.Repeat("x", 128)
	if _, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{OrgID: long, LocationID: long})); err != nil {
		t.Errorf("ids of 128 characters: %v", err)
	}
}

func TestSlowPagesAreHalved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := 600
		c, m := connect(t, webex.Config{}, func(w http.ResponseWriter, r *http.Request) {
			start, size := intOf(r, "start", 0), intOf(r, "max", 2000)
			if start > 0 {
				limit = 300
			}
			if size > limit {
				status(504, "slow")(w, r)
				return
			}
			page(next("start="+itoa(start+size)+"&max="+itoa(size)), nums(start, min(start+size, 1000))...)(w, r)
		})
		got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{}))
		if err != nil || !slices.Equal(got, nums(0, 1000)) {
			t.Errorf("%d numbers %v, want all 1000 in order", len(got), err)
		}
		var sizes []int
		for _, r := range m.seen() {
			sizes = append(sizes, intOf(r, "max", 0))
		}
		if want := []int{0, 1000, 500, 500, 250, 250, 250}; !slices.Equal(sizes, want) {
			t.Errorf("page sizes %v, want %v", sizes, want)
		}
	})
}

// The size that worked is asked for first the next time, for an hour, also when
// nothing had worked yet: whoever pauses a host after some failures in a row must
// not meet the same ones again after each pause.
func TestSmallPagesAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := connect(t, webex.Config{}, func(w http.ResponseWriter, r *http.Request) {
			if intOf(r, "max", 2000) > 300 {
				status(504, "slow")(w, r)
				return
			}
			page(nil, nums(0, 10)...)(w, r)
		})
		list := func(asked int) (sizes []int) {
			before := len(m.seen())
			if _, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{Max: asked})); err != nil {
				t.Fatal(err)
			}
			for _, r := range m.seen()[before:] {
				sizes = append(sizes, intOf(r, "max", 0))
			}
			return sizes
		}
		for _, step := range []struct {
			wait  time.Duration
			asked int
			want  []int
		}{
			{0, 0, []int{0, 1000, 500, 250}},
			{time.Minute, 0, []int{250}},
			{time.Minute, 2000, []int{250}},
			{time.Minute, 100, []int{100}},
			{time.Hour, 0, []int{0, 1000, 500, 250}},
		} {
			time.Sleep(step.wait)
			if got := list(step.asked); !slices.Equal(got, step.want) {
				t.Errorf("asked for %d after %s: sizes %v, want %v", step.asked, step.wait, got, step.want)
			}
		}
	})
}

func TestHalvingHasAFloor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := connect(t, webex.Config{}, status(504, ""))
		_, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{Max: 100}))
		e := asError(t, err)
		if e.Class != failure.Unavailable || e.Status != 504 || len(m.seen()) != 1+4 {
			t.Errorf("%v after %d requests, want unavailable after one of 100 and four of 50", e, len(m.seen()))
		}
		if last := m.seen()[len(m.seen())-1]; intOf(last, "max", 0) != 50 {
			t.Errorf("last request asks for %s, want max 50", last.URL.RawQuery)
		}
	})
}
