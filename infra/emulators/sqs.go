package emulators

import (
	_ "embed"
	"path/filepath"
	"strings"
	"testing"
)

// None of these emulators of SQS is right about everything; the test of this
// package lists what each gets wrong.
//
// ElasticMQ is nearest to SQS in what matters most here: order and locks of
// groups, deduplication, partial failures of batches, dead letters and redrive.
// It is lax about limits, and takes seconds to start. With a folder it keeps its
// queues over a kill, with all that was sent, counts and deduplication; only the
// locks of groups in flight are gone, until their messages come back. Fauxqs starts at once and is
// right about time, dead letters and single messages of a group, but takes
// batches whole and knows no redrive. LocalAWSSQS has what only it gets right in a
// few refusals and in the redrive of FIFO queues; it does not lock groups. Moto is
// slow, and says of SQS mainly which calls are well formed.

// Fauxqs starts fauxqs, an emulator of SQS, and returns its URL. It is stopped at
// the end of the test.
func Fauxqs(t testing.TB) string { return serve(t, StartFauxqs) }

// StartFauxqs is [Fauxqs] for those who stop it themselves.
func StartFauxqs(o Options) (*Server, error) { return node("fauxqs", fauxqsScript).start(o) }

// LocalAWSSQS starts local-aws-sqs, an emulator of SQS, and returns its URL. It is
// stopped at the end of the test.
func LocalAWSSQS(t testing.TB) string { return serve(t, StartLocalAWSSQS) }

// StartLocalAWSSQS is [LocalAWSSQS] for those who stop it themselves.
func StartLocalAWSSQS(o Options) (*Server, error) {
	return node("local-aws-sqs", localAWSSQSScript).start(o)
}

// ElasticMQ starts ElasticMQ, an emulator of SQS, and returns its URL. It is
// stopped at the end of the test.
func ElasticMQ(t testing.TB) string { return serve(t, StartElasticMQ) }

// StartElasticMQ is [ElasticMQ] for those who stop it themselves.
func StartElasticMQ(o Options) (*Server, error) {
	classes := strings.Join([]string{"classes", filepath.Join("lib", "*")}, string(filepath.ListSeparator))
	return program{name: "elasticmq", parts: maven(), argv: []string{
		"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classes, "ElasticMQ",
	}}.start(o)
}

// maven is what runs in Java. The start script is compiled when it is installed.
func maven() component {
	return component{"maven", []string{"pom.xml", "ElasticMQ.java"}, [][]string{
		{"mvn", "--quiet", "--batch-mode", "-Dstyle.color=never", "dependency:copy-dependencies", "-DoutputDirectory=lib"},
		{"javac", "-cp", filepath.Join("lib", "*"), "-d", "classes", "ElasticMQ.java"},
	}}
}

//go:embed fauxqs.js
var fauxqsScript string

//go:embed localawssqs.js
var localAWSSQSScript string
