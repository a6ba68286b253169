//go:build e2e

package emulators_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/infra/emulators"
)

// Each emulator of SQS answers where it says that it listens, is gone when it was
// stopped, and comes back on its port.
func TestSQSStartAndStop(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(emulators.Options) (*emulators.Server, error){
		"fauxqs": emulators.StartFauxqs, "local-aws-sqs": emulators.StartLocalAWSSQS, "elasticmq": emulators.StartElasticMQ,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := emulators.Options{}
			for range 2 {
				s, err := start(o)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Kill()
				if o.Port != 0 && s.Port() != o.Port {
					t.Errorf("came back on port %d, want %d", s.Port(), o.Port)
				}
				o.Port = s.Port()
				out, err := sqsClient(s.URL()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
				if err != nil {
					t.Fatal(err)
				}
				// fauxqs gives its URLs the host name that SQS has in the region
				if want := fmt.Sprintf(":%d/000000000000/q", s.Port()); !strings.HasSuffix(aws.ToString(out.QueueUrl), want) {
					t.Errorf("created %s, want its end to be %s", aws.ToString(out.QueueUrl), want)
				}
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
				if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port())); err == nil {
					conn.Close()
					t.Error("something still listens after Stop")
				}
			}
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if s, err := start(o); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("started on a port in use: %v, %v", s, err)
			}
		})
	}
}
