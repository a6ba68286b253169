package ucwasim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"
)

// ticket is a web ticket. It is carried by the caller and signed, so that any
// number of them costs no memory.
type ticket struct {
	user       string
	pool       int    // that issued it, the only one that honours it
	generation uint64 // of the user's tickets, raised by ExpireTokens
	expires    time.Time
}

const (
	ticketScheme = "cwt="
	ticketHead   = 1 + 8 + 8 // pool, generation, expires
)

func (s *Server) writeTicket(t ticket) string {
	b := []byte{byte(t.pool)}
	b = binary.BigEndian.AppendUint64(b, t.generation)
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.UnixNano()))
	b = append(b, t.user...)
	return ticketScheme + base64.RawURLEncoding.EncodeToString(append(b, s.sign(b)...))
}

func (s *Server) sign(b []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(b)
	return mac.Sum(nil)
}

// readTicket returns the ticket of a request, expired or not; false if there is
// none that this server wrote.
func (s *Server) readTicket(r *http.Request) (ticket, bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	value, ok := strings.CutPrefix(strings.TrimSpace(value), ticketScheme)
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ticket{}, false
	}
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) < ticketHead+sha256.Size {
		return ticket{}, false
	}
	body, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, s.sign(body)) {
		return ticket{}, false
	}
	return ticket{
		user:       string(body[ticketHead:]),
		pool:       int(body[0]),
		generation: binary.BigEndian.Uint64(body[1:]),
		expires:    time.Unix(0, int64(binary.BigEndian.Uint64(body[9:]))),
	}, true
}
