// Package sealed encrypts small secrets, such as a user's token, for storage
// next to data that anybody with access to the database may read.
//
// A box opens only for the owner that it was sealed for, so that one copied into
// another's record is of no use there, and only as it was sealed. It does not
// hide its length, nor that an old box of the same owner was put back.
package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

const (
	version   = 1
	keySize   = 32 // AES-256
	minSecret = 32
	maxID     = 64
	purpose   = "dialtone sealed 1"
)

// Key is a secret to seal with.
type Key struct {
	// ID names the key in each box that it sealed: 1 to 64 bytes, never given to
	// another secret. It is not a secret itself.
	ID string
	// Secret has at least 32 bytes, as random as a key: passwords are none.
	Secret []byte
}

// Keyring seals with one key and opens what any of its keys sealed. To rotate,
// put a new key in front; an old one can go when the last box of its has. Make
// one with [New]; safe for concurrent use.
type Keyring struct{ keys []Key }

// New returns a keyring that seals with the current key and also opens with the
// older ones. Its error lists every problem, without the secrets.
func New(current Key, older ...Key) (*Keyring, error) {
	keys := append([]Key{current}, older...)
	var problems []error
	for i, k := range keys {
		switch {
		case k.ID == "" || len(k.ID) > maxID:
			problems = append(problems, fmt.Errorf("id of key %d has %d bytes: give 1 to %d", i+1, len(k.ID), maxID))
		case slices.ContainsFunc(keys[:i], func(other Key) bool { return other.ID == k.ID }):
			problems = append(problems, fmt.Errorf("id %q is given to two keys: name each secret once", k.ID))
		}
		if len(k.Secret) < minSecret {
			problems = append(problems, fmt.Errorf("secret of key %d has %d bytes: give at least %d random ones", i+1, len(k.Secret), minSecret))
		}
		keys[i].Secret = bytes.Clone(k.Secret)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return &Keyring{keys}, nil
}

// Seal returns a box with the secret that opens for owner alone, such as a user's
// SIP address. Two boxes of the same secret differ. The box is at most 94 bytes
// longer than the secret.
func (r *Keyring) Seal(secret []byte, owner string) ([]byte, error) {
	k := r.keys[0]
	aead, err := k.aead(owner)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	head := k.head()
	return aead.Seal(head, nil, secret, associated(head, owner)), nil
}

// Open returns the secret of a box that was sealed for owner. It fails when the
// key is not on the ring, the box is another's, or anything in it was changed;
// the error shows nothing of the secret.
func (r *Keyring) Open(box []byte, owner string) ([]byte, error) {
	head, body, err := split(box)
	if err != nil {
		return nil, fmt.Errorf("open sealed secret: %w", err)
	}
	for _, k := range r.keys {
		if !bytes.Equal(k.head(), head) {
			continue
		}
		aead, err := k.aead(owner)
		if err != nil {
			return nil, fmt.Errorf("open sealed secret: %w", err)
		}
		secret, err := aead.Open(nil, nil, body, associated(head, owner))
		if err != nil {
			return nil, fmt.Errorf("open sealed secret of key %q: %w", k.ID, err)
		}
		return secret, nil
	}
	return nil, fmt.Errorf("open sealed secret: key %q is not on the ring", head[2:])
}

// head is what stands before the sealed part: version, length of the key's ID,
// the ID.
func (k Key) head() []byte { return append([]byte{version, byte(len(k.ID))}, k.ID...) }

func split(box []byte) (head, body []byte, err error) {
	switch {
	case len(box) < 2:
		return nil, nil, errors.New("it is cut off")
	case box[0] != version:
		return nil, nil, fmt.Errorf("version %d is not known", box[0])
	case len(box) < 2+int(box[1]):
		return nil, nil, errors.New("it is cut off")
	}
	n := 2 + int(box[1])
	return box[:n], box[n:], nil
}

// associated is what is authenticated beside the secret.
func associated(head []byte, owner string) []byte { return append(bytes.Clone(head), owner...) }

// aead returns the cipher for an owner. Each owner has a key derived from the
// secret (RFC 5869), so that the number of boxes that random nonces allow, some
// four billion, is per owner and not for all of them.
func (k Key) aead(owner string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.Secret, nil, purpose+"\x00"+owner, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
