package webex_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dialtone/shared/webex"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{OrgID: "O"}, status(200, `{"phoneNumbers":[
		{"phoneNumber":"+12056350001","extension":"0001","state":"ACTIVE","phoneNumberType":"PRIMARY","mainNumber":false,"tollFreeNumber":false,
		 "isServiceNumber":false,"includedTelephonyTypes":"PSTN_NUMBER","location":{"id":"L1","name":"Main"},
		 "owner":{"id":"P1","type":"PEOPLE","firstName":"Ada","lastName":"Lovelace"}},
		{"phoneNumber":"+12056350002","state":"INACTIVE","mainNumber":true,"tollFreeNumber":true,"isServiceNumber":true,"isReservedNumber":true,
		 "includedTelephonyTypes":"MOBILE_NUMBER","location":{"id":"L2"},"owner":{}},
		{"phoneNumber":"+12056350003","isMainNumber":true,"serviceNumber":true,"reservedNumber":true,"telephonyType":"PSTN_NUMBER","owner":null},
		{"phoneNumber":"","extension":"77","owner":{"id":"P2"}},
		{"extension":"78"},
		{"phoneNumber":"8005","extension":"79"},
		{"phoneNumber":"+12056350001"}
	],"count":{"total":7}}`))
	var got []webex.Number
	for n, err := range c.Numbers(t.Context(), webex.NumbersOptions{LocationID: "L1", PhoneNumbers: e164s(num(1), num(2)), Max: 5, Start: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
		if len(m.seen()) > 1 {
			t.Fatal("asks again")
		}
		if len(got) == 5 {
			break
		}
	}
	want := []webex.Number{
		{
			PhoneNumber: "+12056350001", Extension: "0001", State: webex.Active, LocationID: "L1", TelephonyType: webex.PSTNNumber,
			Owner: &webex.Owner{ID: "P1", Type: "PEOPLE", FirstName: "Ada", LastName: "Lovelace"},
		},
		{
			PhoneNumber: "+12056350002", State: webex.Inactive, LocationID: "L2", TelephonyType: webex.MobileNumber,
			MainNumber: true, TollFree: true, ServiceNumber: true, Reserved: true, Mobile: true,
		},
		{PhoneNumber: "+12056350003", MainNumber: true, ServiceNumber: true, Reserved: true, TelephonyType: webex.PSTNNumber},
		{Extension: "77", Owner: &webex.Owner{ID: "P2"}},
		{Extension: "78"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	r := m.seen()[0]
	if r.URL.Path != "/v1/telephony/config/numbers" || r.URL.RawQuery != "locationId=L1&max=5&orgId=O&phoneNumber=%2B12056350001%2C%2B12056350002&start=1" {
		t.Errorf("request %s, want the parameters, the numbers as one value", r.URL)
	}
}

func TestNumbersOverridesTheOrganisation(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{OrgID: "O"}, page(nil, num(1)))
	for _, err := range c.Numbers(t.Context(), webex.NumbersOptions{OrgID: "customer"}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if q := m.seen()[0].URL.RawQuery; q != "orgId=customer" {
		t.Errorf("query %q, want the organisation of the call", q)
	}
}
