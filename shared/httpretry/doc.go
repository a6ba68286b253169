// Package httpretry is the transport policy of dialtone's vendor clients: which
// HTTP requests are sent again, when, and for how long it is worth waiting.
//
// [Transport] is an http.RoundTripper around another one. It repeats only what
// is safe to repeat, waits as long as the server asks, and never waits past the
// context's deadline or [Transport.MaxWait]: a function that is paid by the
// millisecond hands a long wait back to its queue instead of sleeping. The last
// response or error then comes back untouched, so that its Retry-After can be
// read by the caller.
//
// [Backoff] and [RetryAfter] are the two pure parts, of use without a Transport.
package httpretry
