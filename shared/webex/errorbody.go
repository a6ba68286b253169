package webex

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// said is what the body of a refusal says.
type said struct {
	message    string // masked, one line, at most messageLimit characters
	codes      []int  // the most detailed first
	trackingID string
}

const (
	messageLimit   = 300
	errorBodyLimit = 64 << 10 // bytes that are looked at
)

// parseErrorBody reads what it can of any error body. Webex has several shapes:
// an object with errors[] (description, errorCode), one with error[] (message[]
// of description and code), an array of objects, an object of fields (code,
// reason); proxies send HTML, text or nothing; connections break off. So it
// looks for the names these shapes share, wherever they stand, and keeps what
// was found when the text ends early.
func parseErrorBody(body []byte) said {
	body = bytes.TrimSpace(trimBOM(body[:min(len(body), errorBodyLimit)]))
	if len(body) == 0 {
		return said{}
	}
	switch body[0] {
	case '{', '[':
		w := walk(body)
		return said{message: oneLine(w.message()), codes: w.sortedCodes(), trackingID: clean(w.trackingID)}
	case '<':
		return said{message: oneLine(title(body))}
	}
	return said{message: oneLine(string(body))}
}

func trimBOM(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

// walker collects the facts of an error body token by token.
type walker struct {
	summary, detail string // message at the top; first description anywhere
	codes           []deepCode
	trackingID      string
}

type deepCode struct{ depth, code int }

// frame is one open object or array.
type frame struct {
	array bool
	key   string // the name the next value belongs to, empty between pairs
	named bool
}

func walk(body []byte) *walker {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	w, stack := &walker{}, []frame{}
	for {
		token, err := dec.Token()
		if err != nil {
			return w // the end, or what is left is not JSON
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				stack = append(stack, frame{array: v == '[', key: lastKey(stack)})
				continue
			}
			if stack = closeValue(stack[:len(stack)-1]); len(stack) == 0 {
				return w
			}
		default:
			top := &stack[len(stack)-1]
			if text, isText := v.(string); isText && !top.array && !top.named {
				top.key, top.named = text, true
				continue
			}
			w.take(len(stack), top.key, v)
			stack = closeValue(stack)
		}
	}
}

// lastKey gives the elements of an array the name of the array.
func lastKey(stack []frame) string {
	if len(stack) == 0 {
		return ""
	}
	return stack[len(stack)-1].key
}

func closeValue(stack []frame) []frame {
	if n := len(stack); n > 0 {
		stack[n-1].named = false
	}
	return stack
}

// take keeps a value if its name is one of those that matter.
func (w *walker) take(depth int, key string, value any) {
	text, isText := value.(string)
	if number, ok := value.(json.Number); ok {
		text = number.String()
	}
	switch strings.ToLower(key) {
	case "errorcode", "code":
		if code, err := strconv.Atoi(text); err == nil {
			w.codes = append(w.codes, deepCode{depth, code})
		}
	case "trackingid":
		w.trackingID = text
	case "message":
		if isText && depth == 1 && w.summary == "" {
			w.summary = text
			return
		}
		fallthrough
	case "description", "error_description", "errormessage", "reason", "error":
		if isText && w.detail == "" {
			w.detail = text
		}
	}
}

func (w *walker) message() string {
	if w.summary != "" {
		return w.summary
	}
	return w.detail
}

// sortedCodes puts the codes of the entries before the one of the whole.
func (w *walker) sortedCodes() []int {
	slices.SortStableFunc(w.codes, func(a, b deepCode) int { return b.depth - a.depth })
	var codes []int
	for _, c := range w.codes {
		codes = append(codes, c.code)
	}
	return compact(codes)
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)

// title names an HTML page, which comes from something before the API.
func title(page []byte) string {
	if m := titleTag.FindSubmatch(page); m != nil {
		return "HTML page: " + html.UnescapeString(string(m[1]))
	}
	return "HTML page"
}

// oneLine makes foreign text fit for a log line.
func oneLine(s string) string {
	s = mask(strings.Join(strings.Fields(clean(s)), " "))
	if runes := []rune(s); len(runes) > messageLimit {
		return string(runes[:messageLimit-1]) + "…"
	}
	return s
}

// clean blanks out what does not print.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, " "))
}
