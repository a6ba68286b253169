package schedulerefresh

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsqueue"
)

// Source is the source of the orders that the schedule sends. Their id is the
// start of the run and a hash of the users: the same order is the same request.
const Source = "dialtone/schedule"

// order is a message to refresh users.
type order struct {
	users []sipaddr.User
	place string    // of the last of them
	at    time.Time // when it is to be delivered
}

// message returns the order as it is sent by a run that began at a time.
func (o order) message(start time.Time) (sqsqueue.Message, error) {
	start = start.UTC().Truncate(time.Second)
	body, err := json.Marshal(event{
		SpecVersion: "1.0", Source: Source, ID: start.Format(time.RFC3339) + "/" + o.hash(),
		Type: command.TypeRefreshContacts, Time: start, Data: data{o.users},
	})
	if err != nil {
		return sqsqueue.Message{}, fmt.Errorf("encode order: %w", err)
	}
	delay := max(0, time.Until(o.at)) // the clock has gone on since the run began
	return sqsqueue.Message{Body: string(body), Delay: delay.Truncate(time.Second)}, nil
}

// hash stands for the users, who are in the order of their places.
func (o order) hash() string {
	var all strings.Builder
	for _, u := range o.users {
		all.WriteString(string(u))
		all.WriteByte(0)
	}
	sum := sha256.Sum256([]byte(all.String()))
	return hex.EncodeToString(sum[:8])
}

// event is a CloudEvent with a [command.RefreshContacts].
type event struct {
	SpecVersion string    `json:"specversion"`
	Source      string    `json:"source"`
	ID          string    `json:"id"`
	Type        string    `json:"type"`
	Time        time.Time `json:"time"`
	Data        data      `json:"data"`
}

type data struct {
	Users []sipaddr.User `json:"users"`
}
