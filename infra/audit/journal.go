package audit

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Journal is the file in which an audit keeps what it found and how far it came,
// so that one that was interrupted can go on. It holds phone numbers: only its
// owner may read it. One audit at a time has it.
type Journal struct {
	Audit    string    // names the audit, also when it goes on
	Began    time.Time // the audit, at first
	At       Position  // how far it has come
	Findings []Finding // so far, those of the interrupted audit first

	file *os.File
	out  *json.Encoder
}

// heading is the first line of a journal, record each other one.
type heading struct {
	Audit string    `json:"audit"`
	Began time.Time `json:"began"`
	Scope string    `json:"scope"`
}

type record struct {
	At       Position  `json:"at"`
	Findings []Finding `json:"findings,omitempty"`
}

// ErrNoJournal reports that no audit was interrupted.
var ErrNoJournal = errors.New("there is no interrupted audit to go on with")

// Begin makes the journal of a new audit, over that of an interrupted one. scope
// says what is audited: an audit goes on only with the same.
func Begin(path, scope string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("journal of the audit: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal of the audit: %w", err)
	}
	j := &Journal{Audit: rand.Text(), Began: time.Now().UTC(), file: file, out: json.NewEncoder(file)}
	return j, j.out.Encode(heading{Audit: j.Audit, Began: j.Began, Scope: scope})
}

// Resume opens the journal of an interrupted audit. Errors: [ErrNoJournal], or
// that it was of another scope.
func Resume(path, scope string) (*Journal, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoJournal
	}
	if err != nil {
		return nil, fmt.Errorf("journal of the audit: %w", err)
	}
	j := &Journal{}
	whole, err := j.read(raw, scope)
	if err != nil {
		return nil, fmt.Errorf("journal of the audit, %s: %w", path, err)
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("journal of the audit: %w", err)
	}
	j.out = json.NewEncoder(j.file)
	if err = j.file.Truncate(whole); err == nil {
		_, err = j.file.Seek(whole, 0)
	}
	return j, err
}

// read takes up what is written. whole is the length of all lines that are
// complete: the last one is not where a crash cut it off.
func (j *Journal) read(raw []byte, scope string) (whole int64, err error) {
	lines := bufio.NewReader(bytes.NewReader(raw))
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		switch {
		case err != nil && first:
			return 0, ErrNoJournal
		case err != nil:
			return whole, nil
		case first:
			err = j.begun(line, scope)
		default:
			err = j.add(line)
		}
		if err != nil {
			return whole, err
		}
		whole += int64(len(line))
	}
}

func (j *Journal) begun(line []byte, scope string) error {
	var h heading
	if err := json.Unmarshal(line, &h); err != nil || h.Audit == "" {
		return errors.New("it is not the journal of an audit: name another file")
	}
	if h.Scope != scope {
		return fmt.Errorf("the interrupted audit was another (%s): give the same arguments, or leave --resume out", h.Scope)
	}
	j.Audit, j.Began = h.Audit, h.Began
	return nil
}

func (j *Journal) add(line []byte) error {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("line cannot be read: %w", err)
	}
	j.At, j.Findings = r.At, append(j.Findings, r.Findings...)
	return nil
}

// Note keeps what came of a case, with the results of its repairs.
func (j *Journal) Note(at Position, findings []Finding) error {
	j.At, j.Findings = at, append(j.Findings, findings...)
	if err := j.out.Encode(record{At: at, Findings: findings}); err != nil {
		return fmt.Errorf("journal of the audit: %w", err)
	}
	return nil
}

// Close keeps the journal for an audit that goes on.
func (j *Journal) Close() error { return j.file.Close() }

// End removes the journal: the audit is complete.
func (j *Journal) End() error { return errors.Join(j.file.Close(), os.Remove(j.file.Name())) }
