package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"dialtone/shared/failure"
)

// PhoneType says which of a user's published phones one is, in lower case. The
// server may send others than the four constants.
type PhoneType string

// The types of the phone resource (UCWA 2.0: phone).
const (
	Work   PhoneType = "work"
	Mobile PhoneType = "mobile"
	Home   PhoneType = "home"
	Other  PhoneType = "other"
)

// maxNumber is the longest number that is taken, with its scheme
// (UCWA 2.0: changeNumber).
const maxNumber = 80

// Phone is one of a user's published phones (UCWA 2.0: phone).
type Phone struct {
	Type PhoneType
	// Number is as the server keeps it, without surrounding blanks, usually a
	// tel: URI with perhaps an ;ext=; some are not normalised. Empty: unset.
	// Compare with e164.Same.
	Number string
	// IncludeInContactCard: others see the number on the contact card.
	IncludeInContactCard bool
	// ETag is the version, without quotes; empty when the server gave none.
	ETag string

	part
}

// CanChangeNumber reports whether the user may change the number. If not, it
// is kept in Active Directory and only an administrator can change it.
func (p Phone) CanChangeNumber() bool { return p.offers("changeNumber") }

// CanChangeVisibility reports whether the user may change who sees the number.
func (p Phone) CanChangeVisibility() bool { return p.offers("changeVisibility") }

func phoneOf(doc *resource) Phone {
	kind := strings.ToLower(doc.text("type"))
	return Phone{
		Type: PhoneType(kind), Number: doc.text("number"),
		IncludeInContactCard: doc.boolean("includeInContactCard"), ETag: doc.version(),
		part: part{strings.TrimSpace(kind + " phone"), doc},
	}
}

// Phones reads all phones of the user, usually one of each type; find one by
// its type, not by its place (UCWA 2.0: phones). It fails as denied when the
// user is not enabled for enterprise voice.
func (a *Application) Phones(ctx context.Context) ([]Phone, error) {
	doc, err := a.getMine(ctx, "phones")
	if err != nil {
		return nil, err
	}
	phones := make([]Phone, 0, len(doc.embedded["phone"]))
	for _, p := range doc.embedded["phone"] {
		phones = append(phones, phoneOf(p))
	}
	if len(phones) > 0 {
		return phones, nil
	}
	return a.linkedPhones(ctx, doc)
}

// linkedPhones reads the phones of a collection that links to them instead of
// embedding them.
func (a *Application) linkedPhones(ctx context.Context, doc *resource) ([]Phone, error) {
	var phones []Phone
	for _, l := range doc.links["phone"] {
		u, err := resolve(doc.base, l.href)
		if err != nil {
			return nil, refused("phones", failure.Denied, fmt.Errorf("link phone: %w", err))
		}
		p, err := a.call(ctx, request{operation: "phone", method: http.MethodGet, url: u, yields: true})
		if err != nil {
			return nil, err
		}
		phones = append(phones, phoneOf(p))
	}
	return phones, nil
}

// Phone reads one phone again, by its self link (UCWA 2.0: phone).
func (a *Application) Phone(ctx context.Context, p Phone) (Phone, error) {
	u, err := p.follow("phone", "self")
	if err != nil {
		return Phone{}, err
	}
	doc, err := a.call(ctx, request{operation: "phone", method: http.MethodGet, url: u, yields: true})
	if err != nil {
		return Phone{}, err
	}
	return phoneOf(doc), nil
}

// NumberChange is what a phone shall become. The zero value clears the number
// and leaves its visibility.
type NumberChange struct {
	// Number is the new number, at most 80 characters with its scheme: a tel:
	// URI, an E.164 number, which is sent as a tel: URI, or any form that the
	// server gave before, to put it back. Empty: the number is deleted.
	Number string
	// IncludeInContactCard sets the visibility in the same call; nil leaves it.
	IncludeInContactCard *bool
}

// ChangeNumber sets or deletes the number of a phone and, if wanted, its
// visibility, in one call (UCWA 2.0: changeNumber). The server may normalise
// the number and announces nothing: read the phone to see what stands.
//
// It is sent at most once, except after an answer that shows that it was not
// looked at (401, wrong pool). Errors are [*Error]s: denied with
// [ErrMissingLink] for a phone that the directory owns; denied (409) for one
// that cannot be shared; invalid with subcode [NormalizationFailed] for a
// number that the server does not take; unknown with [Verify] when it may or
// may not have been applied.
func (a *Application) ChangeNumber(ctx context.Context, p Phone, ch NumberChange) error {
	const operation = "changeNumber"
	number, err := wireNumber(ch.Number)
	if err != nil {
		return refused(operation, failure.Invalid, err)
	}
	var in input
	if number != "" {
		in = append(in, field{"number", number})
	}
	return a.post(ctx, p.part, operation, in.visibility(ch.IncludeInContactCard))
}

// ChangeVisibility shows the number of a phone on the contact card or hides it
// (UCWA 2.0: changeVisibility). Nil is sent as no value, which the server
// takes as no change. Errors are those of [Application.ChangeNumber], but for
// the number's.
func (a *Application) ChangeVisibility(ctx context.Context, p Phone, includeInContactCard *bool) error {
	return a.post(ctx, p.part, "changeVisibility", input(nil).visibility(includeInContactCard))
}

func (in input) visibility(b *bool) input {
	if b == nil {
		return in
	}
	return append(in, field{"includeInContactCard", *b})
}

// wireNumber returns the number as it is sent. Its errors quote no digits.
func wireNumber(s string) (string, error) {
	if s != "" && strings.TrimSpace(s) == "" { // deleting a number is never a slip of the pen
		return "", errors.New("number is blank: leave it empty to delete it")
	}
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "+") {
		s = "tel:" + s
	}
	if n := utf8.RuneCountInString(s); n > maxNumber {
		return "", fmt.Errorf("number has %d characters: at most %d", n, maxNumber)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("number has control characters")
	}
	return s, nil
}
