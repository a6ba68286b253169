package webexsim_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"dialtone/infra/sim/webexsim"
)

func TestInventoryFilters(t *testing.T) {
	t.Parallel()
	r := start(t, webexsim.Config{Locations: []webexsim.Location{site("Hamburg", "+4940"), site("Manchester", "+44161")}})
	hamburg := webexsim.LocationID("Hamburg")
	// one site: 6 usable, 2 inactive, 3 mobile (2 inactive), service, toll-free, reserved, main, 4 owned
	for query, want := range map[string]int{
		"":                                     38,
		form("locationId", hamburg):            19,
		"available=true":                       30,
		"available=false":                      8,
		"assigned=true":                        8,
		"assigned=false":                       30,
		"state=INACTIVE":                       8,
		"state=ACTIVE":                         30,
		"tollFreeNumbers=true":                 2,
		"tollFreeNumbers=false":                36,
		"serviceNumber=true":                   2,
		"reservedNumber=true":                  2,
		"reservedNumber=false":                 36,
		"includedTelephonyTypes=MOBILE_NUMBER": 6,
		"includedTelephonyTypes=PSTN_NUMBER":   32,
		"restrictedNonGeoNumbers=true":         0,
		"elinEnabled=true":                     0,
		"numberType=NUMBER":                    38,
		"numberType=EXTENSION":                 0,
		"phoneNumberType=PRIMARY":              38,
		"phoneNumberType=FAX":                  0,
		"extension=12":                         0,
		"ownerType=PEOPLE":                     8,
		"ownerType=PLACE":                      0,
		"ownerName=hamburg":                    4,
		"ownerName=employee+hamburg+2":         1,
		"order=lastName":                       38,
		"max=5":                                5,
		"start=36":                             2,
		"available=true&serviceNumber=true":    2,
	} {
		a := r.do(http.MethodGet, numbersPath+"?"+query, "", "")
		if got := len(decode[inventoryBody](t, a).PhoneNumbers); got != want {
			t.Errorf("%q: %d entries, want %d", query, got, want)
		}
	}
}

func TestInventoryRefusesConflicts(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	for _, query := range []string{
		"available=true&numberType=EXTENSION", "assigned=false&numberType=EXTENSION", "state=ACTIVE&numberType=EXTENSION",
		"reservedNumber=true&available=true", "reservedNumber=false&assigned=true", "reservedNumber=true&available=false",
		"available=true&ownerType=PEOPLE",
		"available=True", "details=1", "state=active", "numberType=X", "phoneNumberType=X", "order=number",
		"includedTelephonyTypes=X", "max=-1", "start=x",
	} {
		if got := r.do(http.MethodGet, numbersPath+"?"+query, "", ""); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", query, got.status)
		}
	}
	r.do(http.MethodGet, numbersPath+"?available=false&ownerType=PEOPLE", "", "").want(t, http.StatusOK)
}

func TestCrossCheckTellsWhatTheListDoesNot(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	for kind, check := range map[webexsim.Kind]func(tollFree, reserved, service, main bool) bool{
		webexsim.KindTollFree: func(tollFree, _, _, _ bool) bool { return tollFree },
		webexsim.KindReserved: func(_, reserved, _, _ bool) bool { return reserved },
		webexsim.KindService:  func(_, _, service, _ bool) bool { return service },
		webexsim.KindMain:     func(_, _, _, main bool) bool { return main },
	} {
		phone := r.ofKind(kind)[0].PhoneNumber
		list := decode[inventoryBody](t, r.get(numbersPath, "phoneNumber", phone)).PhoneNumbers
		if len(list) != 1 || list[0].PhoneNumber != phone {
			t.Fatalf("%s: %v", kind, list)
		}
		n := list[0]
		if !check(n.TollFreeNumber, n.IsReservedNumber, n.IsServiceNumber, n.MainNumber) {
			t.Errorf("%s is not marked: %+v", kind, n)
		}
		if n.Location.ID != webexsim.LocationID("Hamburg") || n.Location.Name != "Hamburg" || n.Owner != nil || n.PhoneNumberType != "PRIMARY" {
			t.Errorf("%s: %+v", kind, n)
		}
	}
}

func TestSeveralNumbersInOneCrossCheck(t *testing.T) {
	t.Parallel()
	var two []string
	ask := func(c webexsim.Config) int {
		r := start(t, c)
		all := r.sim.Numbers("")
		two = []string{all[0].PhoneNumber, all[1].PhoneNumber}
		return len(decode[inventoryBody](t, r.get(numbersPath, "phoneNumber", strings.Join(two, ","))).PhoneNumbers)
	}
	if got := ask(small()); got != 2 {
		t.Errorf("comma list finds %d, want 2", got)
	}
	c := small()
	c.SingleNumberFilter = true
	if got := ask(c); got != 0 {
		t.Errorf("single-number filter takes a comma list for a number: %d", got)
	}
}

func TestCountsCoverTheOrganisation(t *testing.T) {
	t.Parallel()
	body := decode[inventoryBody](t, start(t, small()).get(numbersPath, "details", "true", "max", "1"))
	want := map[string]int{
		"assigned": 4, "unAssigned": 15, "inActive": 4, "extensionOnly": 0, "tollFreeNumbers": 1, "total": 19,
		"mobileNumber": 3, "serviceNumber": 1, "reservedNumber": 1,
	}
	for k, n := range want {
		if body.Count[k] != n {
			t.Errorf("%s: %d, want %d", k, body.Count[k], n)
		}
	}
	if len(body.PhoneNumbers) != 1 {
		t.Errorf("max=1 gives %d", len(body.PhoneNumbers))
	}
}

func TestForeignAdminTakesBetweenListAndCrossCheck(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	chosen := r.usable(3)
	r.sim.TakeNext(2)
	if got := r.owners(chosen); got != 2 {
		t.Errorf("%d of the asked numbers are taken, want 2", got)
	}
	if got := r.owners(chosen); got != 2 {
		t.Errorf("a second call finds %d, want still 2", got)
	}
	if left := phones(t, r.get(availablePath, "phoneNumber", strings.Join(chosen, ","))); len(left) != 1 {
		t.Errorf("still listed: %v", left)
	}
}

func TestTakeNextWaitsForANumberItCanHave(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	r.sim.TakeNext(1)
	reserved := r.ofKind(webexsim.KindReserved)[0].PhoneNumber
	if got := r.owners([]string{reserved}); got != 0 {
		t.Errorf("a reserved number got an owner")
	}
	r.get(numbersPath).want(t, http.StatusOK) // names no number
	if got := r.owners(r.usable(1)); got != 1 {
		t.Errorf("the armed taking was lost")
	}
}

func TestBeforeCrossCheckHook(t *testing.T) {
	t.Parallel()
	c := small()
	var mu sync.Mutex
	var seen []string
	c.BeforeCrossCheck = func(asked []string) []string {
		mu.Lock()
		defer mu.Unlock()
		seen = asked
		return asked[:1]
	}
	r := start(t, c)
	chosen := r.usable(2)
	if got := r.owners(chosen); got != 1 {
		t.Errorf("hook took %d, want 1", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, chosen) {
		t.Errorf("hook saw %v, want %v", seen, chosen)
	}
}

// usable is n numbers a person could get.
func (r *rig) usable(n int) []string {
	r.t.Helper()
	var out []string
	for _, s := range r.ofKind(webexsim.KindStandard) {
		if s.Available && s.State == "ACTIVE" && len(out) < n {
			out = append(out, s.PhoneNumber)
		}
	}
	return out
}

// owners cross-checks the numbers and counts those with an owner.
func (r *rig) owners(numbers []string) int {
	r.t.Helper()
	owned := 0
	for _, n := range decode[inventoryBody](r.t, r.get(numbersPath, "phoneNumber", strings.Join(numbers, ","))).PhoneNumbers {
		owned += b2i(n.Owner != nil)
	}
	return owned
}

func TestAssignRefuses(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	ada := webexsim.Owner{FirstName: "Ada", LastName: "Lovelace"}
	phone := r.usable(1)[0]
	mobile := r.ofKind(webexsim.KindMobile)[0]
	for _, step := range []struct {
		number string
		owner  webexsim.Owner
		want   error
	}{
		{phone, ada, nil},
		{phone, ada, nil},
		{phone, webexsim.Owner{FirstName: "Grace"}, webexsim.ErrTaken},
		{"+4900000000", ada, webexsim.ErrUnknownNumber},
		{r.ofKind(webexsim.KindReserved)[0].PhoneNumber, ada, webexsim.ErrNotAssignable},
		{mobile.PhoneNumber, webexsim.Owner{Type: "PLACE"}, webexsim.ErrNotAssignable},
		{mobile.PhoneNumber, ada, nil},
	} {
		if err := r.sim.Assign(step.number, step.owner); !errors.Is(err, step.want) {
			t.Errorf("assign %s: %v, want %v", step.number, err, step.want)
		}
	}
	if n, _ := r.sim.Number(mobile.PhoneNumber); mobile.State != "INACTIVE" || n.State != "ACTIVE" {
		t.Errorf("a mobile number went from %s to %s, want INACTIVE to ACTIVE", mobile.State, n.State)
	}
	if err := r.sim.Free("+4900000000"); !errors.Is(err, webexsim.ErrUnknownNumber) {
		t.Errorf("free: %v", err)
	}
}

// The list is exactly what a model of owners says, whatever administrators do.
func TestListFollowsOwners(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := small()
		c.ReleaseDelay = -1
		sim, err := webexsim.New(c)
		if err != nil {
			rt.Fatal(err)
		}
		hamburg := sim.Numbers(webexsim.LocationID("Hamburg"))
		owner := map[string]string{}
		for _, n := range hamburg {
			if n.Owner != nil {
				owner[n.PhoneNumber] = n.Owner.ID
			}
		}
		pick := rapid.SampledFrom(hamburg)
		rt.Repeat(map[string]func(*rapid.T){
			"assign": func(rt *rapid.T) {
				n, who := pick.Draw(rt, "number"), rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "who")
				err := sim.Assign(n.PhoneNumber, webexsim.Owner{ID: who})
				held := owner[n.PhoneNumber]
				possible := n.Kind != webexsim.KindReserved && (held == "" || held == who)
				if possible != (err == nil) {
					rt.Fatalf("assign a %s number held by %q to %q: %v", n.Kind, held, who, err)
				}
				if err == nil {
					owner[n.PhoneNumber] = who
				}
			},
			"free": func(rt *rapid.T) {
				n := pick.Draw(rt, "number")
				if err := sim.Free(n.PhoneNumber); err != nil {
					rt.Fatal(err)
				}
				delete(owner, n.PhoneNumber)
			},
			"": func(rt *rapid.T) {
				for _, n := range sim.Numbers(webexsim.LocationID("Hamburg")) {
					if n.Available != (owner[n.PhoneNumber] == "") {
						rt.Fatalf("%s: available %v, owner %q", n.PhoneNumber, n.Available, owner[n.PhoneNumber])
					}
				}
			},
		})
	})
}

func TestTwoCannotGetOneNumber(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	phone := r.usable(1)[0]
	won := make(chan bool)
	for i := range 32 {
		go func() {
			won <- r.sim.Assign(phone, webexsim.Owner{ID: string(rune('a' + i))}) == nil
		}()
	}
	winners := 0
	for range 32 {
		winners += b2i(<-won)
	}
	if winners != 1 {
		t.Errorf("%d owners", winners)
	}
}
