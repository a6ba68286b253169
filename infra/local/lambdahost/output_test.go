package lambdahost

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// However the bytes are cut up, the lines are the same.
func TestLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\r\n")), 0, 40, -1).Draw(t, "text")
		var got []string
		l := &lines{emit: func(line []byte) { got = append(got, string(line)) }}
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "bytes")
			if m, err := l.Write([]byte(rest[:n])); m != n || err != nil {
				t.Fatalf("wrote %d of %d, %v", m, n, err)
			}
			rest = rest[n:]
		}
		l.end()
		var want []string
		first := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			want = append(want, line)
			if first == "" {
				first = line
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
			t.Errorf("lines %q of %q, want %q", got, text, want)
		}
		if l.firstLine() != first {
			t.Errorf("first line %q, want %q", l.firstLine(), first)
		}
	})
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxLine - 1, maxLine, maxLine + 1, 3*maxLine + 5} {
		var got []int
		l := &lines{emit: func(line []byte) { got = append(got, len(line)) }}
		text := strings.Repeat("x", size)
		for len(text) > 0 {
			n := min(len(text), 32<<10)
			_, _ = l.Write([]byte(text[:n]))
			text = text[n:]
		}
		l.end()
		total := 0
		for i, n := range got {
			if total += n; n > maxLine || i < len(got)-1 && n != maxLine {
				t.Errorf("%d bytes in lines of %v", size, got)
			}
		}
		if total != size || len(l.firstLine()) != maxFirst {
			t.Errorf("%d of %d bytes, first line of %d", total, size, len(l.firstLine()))
		}
	}
}

// Whatever a runtime reports becomes an error with a type.
func FuzzReported(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", `{"errorType":7}`, `{"errorType":"A","errorMessage":"b","stackTrace":[{"path":"x"}]}`, "<html>"} {
		f.Add([]byte(seed), "Header")
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		e := reported(body, header)
		if e.Type == "" {
			t.Error("no type")
		}
		if e.Init || e.RequestID != "" || e.FirstLine != "" {
			t.Errorf("more than was reported: %+v", e)
		}
	})
}
