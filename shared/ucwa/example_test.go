package ucwa_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// A user's mobile number is published and read back.
func Example() {
	withClient(func(ctx context.Context, client *ucwa.Client) error {
		return publishMobile(ctx, client, "user00001@contoso.test", "tel:+12056350001")
	})
	// Output: mobile is tel:+12056350001, on the contact card: true
}

// A user's mobile rings too, besides the user's own phones.
func ExampleApplication_RingContact() {
	withClient(func(ctx context.Context, client *ucwa.Client) error {
		return ringMobile(ctx, client, "user00001@contoso.test", "tel:+12056350001")
	})
	// Output: SimultaneousRing at tel:+12056350001
}

// A user's contacts are followed, each time by another process.
func ExampleClient_Resume() {
	withClient(func(ctx context.Context, client *ucwa.Client) error {
		kept, signIn, err := follow(ctx, client, "user00001@contoso.test")
		if err != nil {
			return err
		}
		return goOn(ctx, client, kept, signIn)
	})
	// Output:
	// started: Connecting
	// refreshed: Connecting, 0 events
}

// withClient runs do with a client of a simulated pool with one user.
func withClient(do func(context.Context, *ucwa.Client) error) {
	server, err := ucwasim.Start(ucwasim.Config{Users: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	client, err := ucwa.New(ucwa.Config{
		DiscoveryURL: server.DiscoveryURL, // leave it empty to discover by domain
		Tokens: ucwa.NewPasswordGrant(nil, func(context.Context, sipaddr.User) (ucwa.Credentials, error) {
			return ucwa.Credentials{Username: "user00001@contoso.test", Password: "pw-user00001"}, nil
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := do(ctx, client); err != nil {
		fmt.Println(err)
	}
}

func publishMobile(ctx context.Context, client *ucwa.Client, user sipaddr.User, number string) error {
	app, err := client.Open(ctx, user)
	if err != nil {
		return err
	}
	defer app.Close(ctx)
	if err := app.CheckUser(); err != nil {
		return err // the credentials are somebody else's
	}
	phones, err := app.Phones(ctx)
	if err != nil {
		return err
	}
	visible := true
	for _, p := range phones {
		if p.Type != ucwa.Mobile {
			continue
		}
		if err := app.ChangeNumber(ctx, p, ucwa.NumberChange{Number: number, IncludeInContactCard: &visible}); err != nil {
			return err // ucwa.As(err).Remedy says what may help
		}
		if p, err = app.Phone(ctx, p); err != nil {
			return err
		}
		fmt.Printf("%s is %s, on the contact card: %t\n", p.Type, p.Number, p.IncludeInContactCard)
	}
	return nil
}

func ringMobile(ctx context.Context, client *ucwa.Client, user sipaddr.User, target string) error {
	app, err := client.Open(ctx, user)
	if err != nil {
		return err
	}
	defer app.Close(ctx)
	if err := app.CheckUser(); err != nil {
		return err // the credentials are somebody else's
	}
	before, err := app.CallForwarding(ctx)
	if err != nil {
		return err
	}
	if err := app.RingContact(ctx, before, target); err != nil {
		return err // ucwa.As(err).Remedy says what may help
	}
	now, err := app.CallForwarding(ctx)
	if err != nil {
		return err
	}
	uri, err := app.ForwardContact(ctx, now.Ring)
	if err != nil {
		return err
	}
	if ucwa.SameTarget(uri, target) {
		fmt.Printf("%s at %s\n", now.Active, uri)
	}
	return nil
}

func follow(ctx context.Context, client *ucwa.Client, user sipaddr.User) (kept []byte, signIn ucwa.SignIn, err error) {
	app, err := client.Open(ctx, user)
	if err != nil {
		return nil, signIn, err
	}
	if err := app.CheckUser(); err != nil {
		return nil, signIn, err // the credentials are somebody else's
	}
	sub, err := app.ContactsSubscription(ctx)
	if err != nil {
		return nil, signIn, err
	}
	if sub, err = app.RefreshSubscription(ctx, sub, 30*time.Minute); err != nil {
		return nil, signIn, err
	}
	fmt.Printf("started: %s\n", sub.State)
	kept, err = json.Marshal(app.Keep(sub, ucwa.Channel{})) // from the beginning of the channel
	return kept, app.SignIn(), err                          // encrypt the sign-in where it is stored
}

func goOn(ctx context.Context, client *ucwa.Client, stored []byte, signIn ucwa.SignIn) error {
	var kept ucwa.Kept
	if err := json.Unmarshal(stored, &kept); err != nil {
		return err
	}
	app, err := client.Resume(kept, signIn)
	if err != nil {
		return err
	}
	sub, err := app.RefreshSubscription(ctx, kept.Subscription, 30*time.Minute)
	if err != nil {
		return err // with remedy Recreate: Open, and compare the lists
	}
	batch, err := app.Poll(ctx, kept.Channel, ucwa.PollOptions{Wait: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	fmt.Printf("refreshed: %s, %d events\n", sub.State, len(batch.Events)) // read the list when there are any
	_, err = json.Marshal(app.Keep(sub, batch.Next))                       // for the next one
	return err
}
