package local_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"dialtone/infra/local"
	"dialtone/shared/logattr"
)

func TestRelay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, want string }{
		"a record stays as it is": {
			`{"timestamp":"2026-01-02T03:04:05.678Z","level":"WARN","message":"slow","z":1,"a":{"b":[1.5,null,true]},"request_id":"hire-12345678901"}`,
			`{"timestamp":"2026-01-02T03:04:05.678Z","level":"WARN","message":"slow","function":"f","z":1,"a":{"b":[1.5,null,true]},"request_id":"hire-12345678901"}`,
		},
		"a level that the log leaves out": {`{"timestamp":"2026-01-02T03:04:05Z","level":"DEBUG","message":"x"}`, ``},
		"no record":                       {`fatal error: all goroutines are asleep`, `"level":"WARN","message":"function wrote","function":"f","line":"fatal error: all goroutines are asleep"}`},
		"half a record":                   {`{"timestamp":"2026-01-02T03:04:05Z","level":"WARN","mess`, `"line":"{\"timestamp\":\"2026-01-02T03:04:05Z\",\"level\":\"WARN\",\"mess"`},
		"JSON without a time":             {`{"level":"WARN","message":"x"}`, `"line":"{\"level\"`},
		"a time that is none":             {`{"timestamp":"now","level":"WARN","message":"x"}`, `"line":"{\"timestamp\":\"now\"`},
		"a number in last words":          {`panic: no phone +4940123456789`, `"line":"panic: no phone `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			relay := local.Relay(slog.New(logattr.Handler(&log, slog.LevelInfo)).With("function", "f"))
			if n, err := relay.Write([]byte(c.line + "\n")); err != nil || n != len(c.line)+1 {
				t.Errorf("%d, %v", n, err)
			}
			if got := log.String(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.Contains(log.String(), "123456789") && !strings.Contains(log.String(), "hire-12345678901") {
				t.Errorf("a phone number is in the log: %s", log.String())
			}
		})
	}
}
