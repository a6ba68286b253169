package sealed_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dialtone/shared/sealed"
)

const (
	ada = "ada@contoso.test"
	bob = "bob@contoso.test"
)

func key(id string) sealed.Key { return sealed.Key{ID: id, Secret: bytes.Repeat([]byte(id), 32)} }

func ring(t testing.TB, current string, older ...string) *sealed.Keyring {
	t.Helper()
	var keys []sealed.Key
	for _, id := range older {
		keys = append(keys, key(id))
	}
	r, err := sealed.New(key(current), keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func seal(t testing.TB, r *sealed.Keyring, secret []byte, owner string) []byte {
	t.Helper()
	box, err := r.Seal(secret, owner)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "cwt=x", strings.Repeat("cwt=", 1000)} {
		r := ring(t, strings.Repeat("k", 64))
		box := seal(t, r, []byte(secret), ada)
		if len(box)-len(secret) != 94 || secret != "" && bytes.Contains(box, []byte(secret)) {
			t.Errorf("box of %d for a secret of %d, or it shows", len(box), len(secret))
		}
		if bytes.Equal(box, seal(t, r, []byte(secret), ada)) {
			t.Error("two boxes are the same")
		}
		if got, err := r.Open(box, ada); err != nil || string(got) != secret {
			t.Errorf("opened %d bytes, %v", len(got), err)
		}
	}
}

// TestRotation: the new key seals, the old one still opens until it goes.
func TestRotation(t *testing.T) {
	t.Parallel()
	old := seal(t, ring(t, "2025"), []byte("token"), ada)
	both := ring(t, "2026", "2025")
	if got, err := both.Open(old, ada); err != nil || string(got) != "token" {
		t.Errorf("with both keys: %q, %v", got, err)
	}
	now := seal(t, both, []byte("token"), ada)
	if _, err := ring(t, "2026").Open(now, ada); err != nil {
		t.Errorf("sealed after the rotation: %v", err)
	}
	if _, err := ring(t, "2026").Open(old, ada); err == nil || !strings.Contains(err.Error(), `"2025" is not on the ring`) {
		t.Errorf("after the old key went: %v, want its name", err)
	}
	impostor, err := sealed.New(sealed.Key{ID: "2025", Secret: bytes.Repeat([]byte("x"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := impostor.Open(old, ada); err == nil {
		t.Error("another secret with the same id opens the box")
	}
}

// TestAnyChangeIsNoticed: another owner, a changed byte, a missing or added one.
func TestAnyChangeIsNoticed(t *testing.T) {
	t.Parallel()
	r := ring(t, "a", "b")
	box := seal(t, r, []byte("token"), ada)
	if _, err := r.Open(box, bob); err == nil {
		t.Error("opens for another owner")
	}
	for i := range box {
		changed := slices.Clone(box)
		changed[i] ^= 3 // makes the one key's id the other's
		if _, err := r.Open(changed, ada); err == nil {
			t.Errorf("byte %d changed: opens", i)
		}
		if _, err := r.Open(box[:i], ada); err == nil {
			t.Errorf("cut off at %d: opens", i)
		}
	}
	if _, err := r.Open(append(slices.Clone(box), 0), ada); err == nil {
		t.Error("opens with a byte more")
	}
}

func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	short := sealed.Key{ID: "a", Secret: []byte("hunter2")}
	_, err := sealed.New(sealed.Key{Secret: make([]byte, 32)}, short, key("a"), key(strings.Repeat("i", 65)))
	for _, want := range []string{"id of key 1 has 0 bytes", "secret of key 2 has 7 bytes", `id "a" is given to two keys`, "id of key 4 has 65 bytes"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	r := ring(f, "k")
	f.Add(seal(f, r, []byte("token"), ada), ada)
	f.Add([]byte{1, 1, 'k'}, "")
	f.Add([]byte{1, 255}, "")
	f.Fuzz(func(t *testing.T, box []byte, owner string) {
		if _, err := r.Open(box, bob+owner); err == nil {
			t.Error("opens what was not sealed")
		}
		if got, err := r.Open(seal(t, r, box, owner), owner); err != nil || !bytes.Equal(got, box) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func Example() {
	keys, err := sealed.New(sealed.Key{ID: "2026-01", Secret: []byte("thirty-two random bytes, or more")})
	if err != nil {
		fmt.Println(err)
		return
	}
	box, err := keys.Seal([]byte("cwt=..."), "ada@contoso.test")
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := keys.Open(box, "ada@contoso.test")
	fmt.Printf("%s %v\n", token, err)
	_, err = keys.Open(box, "bob@contoso.test")
	fmt.Println(err)
	// Output:
	// cwt=... <nil>
	// open sealed secret of key "2026-01": cipher: message authentication failed
}
