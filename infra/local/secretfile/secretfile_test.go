package secretfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dialtone/infra/local/secretfile"
	"dialtone/shared/signin"
)

func TestSaveThenRead(t *testing.T) {
	f := secretfile.Folder(t.TempDir())
	for _, content := range []string{`{"a":1}`, `{"a":2}`} {
		if err := f.Save(t.Context(), "ucwa/ada@contoso.test", []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := f.Secret(t.Context(), "ucwa/ada@contoso.test")
		if err != nil || string(got) != content {
			t.Errorf("read %q, %v; want %q", got, err, content)
		}
	}
	info, err := os.Stat(filepath.Join(string(f), "ucwa", "ada@contoso.test.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(string(f), "ucwa", ".secret-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWithoutEnding(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "webex"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := secretfile.Folder(dir).Secret(t.Context(), "webex"); err != nil || string(got) != "x" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestNotThere(t *testing.T) {
	f := secretfile.Folder(t.TempDir())
	for _, name := range []string{"nobody", "../outside", "/etc/passwd", ""} {
		if _, err := f.Secret(t.Context(), name); !errors.Is(err, signin.ErrNoSecret) {
			t.Errorf("Secret(%q) error %v, want ErrNoSecret", name, err)
		}
	}
	if err := f.Save(t.Context(), "../outside", nil); err == nil {
		t.Error("saved outside the folder")
	}
}
