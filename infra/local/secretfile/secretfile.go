// Package secretfile keeps secrets as files in a folder, for dialtone on one
// machine: the secret ucwa/default is the file ucwa/default.json, or
// ucwa/default without an ending.
package secretfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dialtone/shared/signin"
)

// Folder is a folder of secrets. The zero value is the current folder. Safe for
// concurrent use; of several writers of one secret the last wins, whole.
type Folder string

// Secret reads one secret. A missing one matches [signin.ErrNoSecret].
func (f Folder) Secret(_ context.Context, name string) ([]byte, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{path + ".json", path} {
		raw, err := os.ReadFile(p)
		if err == nil {
			return raw, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read secret %q: %w", name, err)
		}
	}
	return nil, fmt.Errorf("%w: neither %s.json nor %s exists", signin.ErrNoSecret, path, path)
}

// Save writes one secret, readable by the owner alone. When it returns nil the
// secret survives a power cut; a reader sees the old or the new one, never half.
func (f Folder) Save(_ context.Context, name string, data []byte) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := replace(path+".json", data); err != nil {
		return fmt.Errorf("save secret %q: %w", name, err)
	}
	return nil
}

// path keeps names inside the folder: a user's address is part of them.
func (f Folder) path(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%w: %q is not a name inside the folder of secrets", signin.ErrNoSecret, name)
	}
	return filepath.Join(string(f), name), nil
}

func replace(path string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
