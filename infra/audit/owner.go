package audit

import (
	"slices"
	"strings"
	"unicode"

	"dialtone/shared/sipaddr"
	"dialtone/shared/webex"
)

// person is the type of an owner in Webex who is one.
const person = "PEOPLE"

// isOwner reports whether Webex's owner can be the user. Webex's inventory names
// owners but gives no address ("Webex: Get Phone Numbers for an Organization with
// Given Criterias"), so the last name must occur in the user's address or
// displayed name.
func isOwner(o webex.Owner, user sipaddr.User, displayed string) bool {
	if o.Type != person {
		return false
	}
	wanted := words(o.LastName)
	if len(wanted) == 0 {
		wanted = words(o.FirstName)
	}
	known := append(words(user.LocalPart()), words(displayed)...)
	address := skeleton(user.LocalPart())
	return slices.ContainsFunc(wanted, func(w string) bool {
		return slices.Contains(known, w) || len(w) > 2 && strings.Contains(address, w)
	})
}

// words returns the words of a name, each as its skeleton.
func words(name string) []string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, p := range parts {
		parts[i] = skeleton(p)
	}
	return parts
}

// skeleton is a word by which two spellings of a name are the same: Müller,
// Mueller and Muller. It is the word without vowels and letters beyond ASCII,
// which are mostly vowels with marks; or the word, where nothing else is left.
func skeleton(word string) string {
	lower := strings.ReplaceAll(strings.ToLower(word), "ß", "ss")
	bones := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || strings.ContainsRune("aeiou", r) {
			return -1
		}
		return r
	}, lower)
	if bones == "" {
		return lower
	}
	return bones
}

// describe names an owner for people.
func describe(o webex.Owner) string {
	name := strings.TrimSpace(o.FirstName + " " + o.LastName)
	switch {
	case o.Type == person && name != "":
		return name
	case name != "":
		return name + " (" + o.Type + ")"
	}
	return "an owner of type " + o.Type
}
