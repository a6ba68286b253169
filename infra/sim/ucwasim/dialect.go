package ucwasim

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Dialect is one of the two ways in which Microsoft's pages write the same
// resources. Clients must read both.
type Dialect string

// The dialects. Captured is real traffic (UCWA 2.0: Create an application,
// batch): numeric ETags, lower-case phone types, true, paths with /oauth/.
// Generated is the syntax samples of the reference pages: GUID ETags without
// quotes, types with a leading blank and a capital, True in XML, /ucwa/v1/.
const (
	Captured  Dialect = "captured"
	Generated Dialect = "generated"
)

// applications is the path of the applications resource.
func (d Dialect) applications() string {
	if d == Generated {
		return "/ucwa/v1/applications"
	}
	return "/ucwa/oauth/v1/applications"
}

// applicationID turns the n-th application of the server into its id.
func (d Dialect) applicationID(seed, n uint64) string {
	if d == Generated {
		return strconv.FormatUint(191+n, 10)
	}
	return "10" + strconv.FormatUint(1e9+mix(seed, n)%9e9, 10)
}

// phoneSegment is the last part of a phone's path. The samples end every phone in
// "phone"; a digit is added so that there can be four.
func (d Dialect) phoneSegment(index int) string {
	if d == Generated {
		return "phone" + strconv.Itoa(index+1)
	}
	return phoneTypes[index]
}

func (d Dialect) phoneType(index int) string {
	t := phoneTypes[index]
	if d == Generated {
		return " " + strings.ToUpper(t[:1]) + t[1:]
	}
	return t
}

// phoneNumber is a stored number as written: a generated sample shows one with an
// extension after a blank.
func (d Dialect) phoneNumber(stored string) string {
	if d == Generated && strings.Contains(stored, ";ext=") {
		return " " + stored
	}
	return stored
}

// personID is the last part of the path of a contact with this address: captured
// is the address itself, the samples have short numbers.
func (d Dialect) personID(uri string) string {
	uri = strings.ToLower(uri)
	if d == Generated {
		return strconv.FormatUint(1000+hash(uri)%1e9, 10)
	}
	if address, ok := strings.CutPrefix(uri, "sip:"); ok && !strings.ContainsAny(address, "/?#%") {
		return address
	}
	return fmt.Sprintf("%016x", hash(uri))
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func (d Dialect) xmlBool(v bool) string {
	s := strconv.FormatBool(v)
	if d == Generated {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// etag writes a version as the bare entity tag.
func (d Dialect) etag(version uint64) string {
	if d == Generated {
		return guid(version)
	}
	return strconv.FormatUint(version%4_000_000_000, 10)
}

// guid writes n as a random GUID.
func guid(n uint64) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", n>>32, n>>16&0xffff, n>>4&0xfff, n&0xfff, mix(n, 1)&0xffffffffffff)
}

// etagHeader writes a bare entity tag as in the header.
func (d Dialect) etagHeader(etag string) string {
	if d == Generated {
		return etag
	}
	return strconv.Quote(etag)
}

// quoted writes the href of a challenge; the pages show both forms (UCWA 2.0:
// Authentication in UCWA).
func (d Dialect) quoted(href string) string {
	if d == Generated {
		return href
	}
	return strconv.Quote(href)
}

// mix scrambles n by seed (SplitMix64), so that ids look random, repeat with the
// seed and never collide before reduction.
func mix(seed, n uint64) uint64 {
	z := seed + n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
