package ucwa

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// checkSentBack holds what a PUT needs: a resource that was read goes back
// with every property as it was, in the format it came in.
func checkSentBack(t *testing.T, contentType string, res *resource) {
	t.Helper()
	body, err := res.edited(nil).encode(formatOf(contentType))
	if err != nil {
		t.Errorf("%v: %v", res.props, err)
		return
	}
	back, err := decode(contentType, body)
	if err != nil || !reflect.DeepEqual(back.props, res.props) {
		t.Errorf("%v came back as %s: %v", res.props, body, err)
	}
}

// TestReplacementAcrossFormats: a server that answers in the other format than
// it was asked for is still given back what it sent, as far as that can be
// written.
func TestReplacementAcrossFormats(t *testing.T) {
	t.Parallel()
	res, err := decode("application/json", []byte(`{"rel":"r","a":true,"b":12.50,"c":null,"d":["x",7],"e":"<&>"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := res.edited(map[string]any{"b": json.Number("13")}).encode(XML)
	const want = `<resource xmlns="` + namespace + `" rel="r"><property name="a">true</property><property name="b">13</property>` +
		`<property name="e">&lt;&amp;&gt;</property><property name="rel">r</property>` +
		`<propertyList name="d"><item>x</item><item>7</item></propertyList></resource>`
	if err != nil || !strings.HasSuffix(string(body), want) {
		t.Errorf("%s, %v, want %s", body, err, want)
	}
	if res.props["b"] != json.Number("12.50") {
		t.Error("an edit changed what was read")
	}
	res.props["f"] = map[string]any{"g": 1}
	if _, err := res.edited(nil).encode(XML); err == nil || !strings.Contains(err.Error(), "property f") {
		t.Errorf("an object in XML: %v", err)
	}
}

func TestIsGUID(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"0c1d9f6e-6d5b-4a3c-9b7e-2f4f6b8a1c3d":   true,
		"0C1D9F6E-6D5B-4A3C-9B7E-2F4F6B8A1C3D":   true,
		"0c1d9f6e6d5b4a3c9b7e2f4f6b8a1c3d":       true,
		"0c1d9f6e-6d5b-4a3c-9b7e-2f4f6b8a1c3":    false,
		"0c1d9f6e-6d5b-4a3c-9b7e2f4f6b8a1c3d":    false,
		"0c1d9f6e6-d5b-4a3c-9b7e-2f4f6b8a1c3d":   false,
		"gc1d9f6e-6d5b-4a3c-9b7e-2f4f6b8a1c3d":   false,
		"{0c1d9f6e-6d5b-4a3c-9b7e-2f4f6b8a1c3d}": false,
		"unansweredCallHandling":                 false,
		"":                                       false,
	} {
		if isGUID(s) != want {
			t.Errorf("isGUID(%q) = %t", s, !want)
		}
	}
}
