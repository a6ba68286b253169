//go:build e2e

package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/emulators"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/vendors"
)

// What one assigned number may cost, in request units of DynamoDB.
const (
	writesPerAssign = 13
	readsPerAssign  = 4 // one of them looks whether the credentials were refused lately
)

// TestCostOfAssign has the real handler assign numbers in batches as Lambda
// hands them over, prints what DynamoDB would charge for each, and fails when
// that is more than it was.
func TestCostOfAssign(t *testing.T) {
	for _, batch := range []int{10, 1} {
		t.Run(fmt.Sprintf("batches-of-%d", batch), func(t *testing.T) {
			meter := newMeter()
			c := client(emulators.Dynalite(t), meter.attach)
			h := handler(t, dynamo.New(c, create(t, c)))
			const users = 50
			deliver(t, h, 0, 10, 10) // what is done once
			meter.reset()
			deliver(t, h, 10, users, batch)
			t.Logf("one assign, mean of %d in batches of %d:\n%s", users, batch, meter.table(users))
			if w := meter.writes() / users; w > writesPerAssign {
				t.Errorf("%.2f write units an assign, budget %d", w, writesPerAssign)
			}
			if r := meter.reads() / users; r > readsPerAssign {
				t.Errorf("%.2f read units an assign, budget %d", r, readsPerAssign)
			}
		})
	}
}

// handler is the real one, between the simulators of both vendors.
func handler(t *testing.T, store ledger.Store) *changenumber.Handler {
	t.Helper()
	skype, err := ucwasim.Start(ucwasim.Config{Users: 1000})
	must(t, err)
	t.Cleanup(func() { _ = skype.Close() })
	cloud, err := webexsim.New(webexsim.Config{Locations: []webexsim.Location{{Name: site, Prefix: "+12052", Digits: 6, Numbers: 200}}})
	must(t, err)
	api := httptest.NewServer(cloud.Handler())
	t.Cleanup(api.Close)
	l := ledger.New(store, ledger.Options{})
	clients, err := vendors.Settings{
		WebexBaseURL: api.URL + "/v1", WebexSecret: "webex", WebexRate: 1e6, DiscoveryURL: skype.DiscoveryURL, SecretPrefix: "ucwa/",
	}.Connect(vendors.Surroundings{Ledger: l, Secrets: generated{}})
	must(t, err)
	h, err := changenumber.New(changenumber.Config{
		Ledger: l, Webex: clients.Webex, UCWA: clients.UCWA, Ready: clients.Ready, Visibility: noQueue{}, DeadLetters: noQueue{},
	})
	must(t, err)
	return h
}

const site = "Hamburg"

// generated has the passwords of the simulator's generated users, and Webex's token.
type generated struct{}

func (generated) Secret(_ context.Context, name string) ([]byte, error) {
	if name == "webex" {
		return json.Marshal(map[string]string{"accessToken": webexsim.DefaultToken().AccessToken})
	}
	u := sipaddr.User(strings.TrimPrefix(name, "ucwa/"))
	return json.Marshal(map[string]string{"username": string(u), "password": "pw-" + u.LocalPart()})
}

func (generated) Save(context.Context, string, []byte) error {
	return errors.New("generated secrets do not change")
}

// noQueue refuses everything: no message may fail here.
type noQueue struct{}

var errNoQueue = errors.New("there is no queue")

func (noQueue) ChangeMessageVisibility(context.Context, string, string, time.Duration) error {
	return errNoQueue
}

func (noQueue) SendDeadLetter(context.Context, sqsbatch.DeadLetter) error { return errNoQueue }

// deliver asks for a number for each of n users from the one with the number
// from on, and fails the test unless all get one.
func deliver(t *testing.T, h *changenumber.Handler, from, n, batch int) {
	t.Helper()
	users := make([]int, n)
	for i := range users {
		users[i] = from + i + 1
	}
	for chunk := range slices.Chunk(users, batch) {
		var e events.SQSEvent
		for _, u := range chunk {
			e.Records = append(e.Records, message(t, u))
		}
		reply, err := h.Handle(t.Context(), e)
		if err != nil || len(reply.BatchItemFailures) > 0 {
			t.Fatalf("%d messages came back: %v", len(reply.BatchItemFailures), err)
		}
	}
}

func message(t *testing.T, user int) events.SQSMessage {
	t.Helper()
	u := fmt.Sprintf("user%05d@contoso.test", user)
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "source": "urn:contoso:hr", "id": "onboarding-" + strconv.Itoa(user), "type": command.TypeAssign,
		"data": map[string]string{"user": u, "locationId": webexsim.LocationID(site)},
	})
	must(t, err)
	return events.SQSMessage{
		MessageId: strconv.Itoa(user), ReceiptHandle: strconv.Itoa(user), Body: string(body),
		EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:numbers.fifo",
		Attributes:     map[string]string{"ApproximateReceiveCount": "1", "MessageGroupId": strings.ToLower(u)},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
