package webexsim

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// apiError is an answer other than 200 that the simulated service gives by
// itself. Handlers return it as an error; one place writes it.
type apiError struct {
	status      int
	description string
}

func (e *apiError) Error() string { return strconv.Itoa(e.status) + " " + e.description }

func refuse(status int, description string) error {
	return &apiError{status: status, description: description}
}

// Shape is one of the forms in which error bodies of the vendor were seen.
type Shape string

const (
	// ShapeMain: message, errors with description and errorCode, trackingId.
	ShapeMain Shape = "main"
	// ShapeTop: like ShapeMain, with a second errorCode at the top.
	ShapeTop Shape = "top"
	// ShapeNested: error with key and message entries.
	ShapeNested Shape = "nested"
	// ShapeList: a JSON array, as a rejected addition of numbers.
	ShapeList Shape = "list"
	// ShapeText: one line of plain text from a proxy.
	ShapeText Shape = "text"
	// ShapeHTML: a page from a proxy.
	ShapeHTML Shape = "html"
	// ShapeEmpty: no body at all.
	ShapeEmpty Shape = "empty"
)

// ErrorBody renders an error in the given shape and returns it with its content
// type; an unknown shape is ShapeMain. Code zero leaves the detailed code out.
// Use it to script faults whose bodies a client meets in the field.
func ErrorBody(shape Shape, status, code int, description, trackingID string) (contentType string, body []byte) {
	type object = map[string]any
	coded := func(o object, key string) object {
		if code != 0 {
			o[key] = code
		}
		return o
	}
	entry := coded(object{"description": description}, "errorCode")
	main := object{"message": description, "errors": []any{entry}, "trackingId": trackingID}
	switch shape {
	case ShapeTop:
		return encoded(coded(main, "errorCode"))
	case ShapeNested:
		detail := coded(object{"description": description}, "code")
		nested := object{"key": strconv.Itoa(status), "message": []any{detail}}
		return encoded(coded(object{"error": []any{nested}, "trackingId": trackingID}, "errorCode"))
	case ShapeList:
		item := coded(object{"errorType": "ERROR", "errorMessage": description, "errorTitle": http.StatusText(status)}, "errorCode")
		return encoded([]any{object{"errors": []any{item}, "trackingId": trackingID}})
	case ShapeText:
		return "text/plain", []byte(http.StatusText(status) + "\n")
	case ShapeHTML:
		title := strconv.Itoa(status) + " " + http.StatusText(status)
		return "text/html", []byte("<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n")
	case ShapeEmpty:
		return "", nil
	}
	return encoded(main)
}

func encoded(v any) (string, []byte) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and slices of plain values always encode
	}
	return jsonType, body
}

const jsonType = "application/json;charset=UTF-8"
