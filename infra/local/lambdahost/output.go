package lambdahost

import (
	"bytes"
	"io"
	"log/slog"
	"sync"

	"dialtone/shared/logattr"
)

const (
	maxLine  = 256 << 10 // Lambda cuts log lines there
	maxFirst = 4 << 10
)

// lines cuts what a process writes into lines.
type lines struct {
	emit func(line []byte) // without the line break; the bytes are only lent

	mu      sync.Mutex
	partial []byte
	first   string // the first line that is not empty
}

// Write never fails: the function must not notice what becomes of its output.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole && len(line) < maxLine {
			break
		}
		if len(line) > maxLine {
			line, rest = l.partial[:maxLine], l.partial[maxLine:]
		}
		l.out(line)
		l.partial = rest
	}
	l.partial = bytes.Clone(l.partial) // what was cut off can go
	return len(p), nil
}

// end emits what has no line break.
func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.out(l.partial)
		l.partial = nil
	}
}

func (l *lines) out(line []byte) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if l.first == "" {
		l.first = string(line[:min(len(line), maxFirst)])
	}
	l.emit(line)
}

// firstLine returns the first line so far.
func (l *lines) firstLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// sink returns what takes the lines of all processes, one at a time.
func sink(w io.Writer, log *slog.Logger) func(line []byte) {
	if w == nil {
		return func(line []byte) { log.Info("function wrote", slog.String("line", logattr.Clean(string(line)))) }
	}
	var mu sync.Mutex
	return func(line []byte) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = w.Write(append(bytes.Clone(line), '\n'))
	}
}
