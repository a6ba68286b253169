package logattr_test

import (
	"errors"
	"log/slog"
	"os"

	"dialtone/shared/logattr"
)

func Example() {
	json := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // the same output every day
			}
			return a
		},
	})
	log := slog.New(logattr.Redacting(json)).With(logattr.RequestID("INC0012345678"))
	log.Warn("number refused", logattr.Number("+12056350001"),
		logattr.Error(errors.New("POST with Bearer cwt=AAEB: tel:+12056350001 is taken")))
	// Output:
	// {"level":"WARN","msg":"number refused","request_id":"INC0012345678","number":"…0001","error":"POST with Bearer … tel:+…0001 is taken"}
}
