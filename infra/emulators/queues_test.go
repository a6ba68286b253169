//go:build e2e

package emulators_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/infra/emulators"
	"dialtone/infra/local/queuetest"
)

var patience = flag.Duration("patience", 10*time.Second, "leave out rows of the queue suite that wait longer; 0: none")

// conform runs the suite of the queues on the SQS at an endpoint. Rows that are
// known to be wrong only now and then are unsteady: they are reported as wrong
// each time.
func conform(t *testing.T, endpoint string, knownWrong map[string]string, unsteady ...string) {
	client := sqsClient(endpoint)
	queuetest.Run(t, queuetest.Subject{
		Open: func(row testing.TB) queuetest.Broker {
			for _, name := range unsteady {
				if strings.HasSuffix(row.Name(), "/"+strings.ReplaceAll(name, " ", "_")) {
					row.Error("now right, now wrong")
				}
			}
			return sqsBroker{client}
		},
		Code:     sqsCode,
		Patience: *patience, KnownWrong: knownWrong,
	})
}

// These tests run one after the other: rows measure time.

func TestFauxqs(t *testing.T) {
	conform(t, emulators.Fauxqs(t), fauxqsWrong())
}

func TestLocalAWSSQS(t *testing.T) {
	conform(t, emulators.LocalAWSSQS(t), localAWSSQSWrong(), localAWSSQSUnsteady()...)
}

func TestElasticMQ(t *testing.T) {
	conform(t, emulators.ElasticMQ(t), elasticMQWrong())
}

func TestMotoSQS(t *testing.T) {
	conform(t, emulators.Moto(t), motoWrong(), motoUnsteady()...)
}

// Every row but these is right on at least one emulator: no promise of SQS is
// tested on our own queue alone.
func TestSomebodyIsRight(t *testing.T) {
	t.Parallel()
	nowhere := []string{"bad attributes are refused", "batch over the limit", "retention ends", "visibility of a returned message cannot change"}
	for _, row := range queuetest.Names() {
		wrong := 0
		for _, list := range []map[string]string{fauxqsWrong(), elasticMQWrong(), localAWSSQSWrong(), motoWrong()} {
			if _, ok := list[row]; ok {
				wrong++
			}
		}
		if (wrong == 4) != slices.Contains(nowhere, row) {
			t.Errorf("%q is wrong on %d of 4", row, wrong)
		}
	}
}

// QUEUE_ENDPOINT points the suite at any other SQS.
func TestOtherSQS(t *testing.T) {
	endpoint := os.Getenv("QUEUE_ENDPOINT")
	if endpoint == "" {
		t.Skip("QUEUE_ENDPOINT is not set")
	}
	conform(t, endpoint, nil)
}
