package ucwasim

import (
	"net/http"
	"slices"
	"strings"
)

// maxNumber is the longest number, in characters (UCWA 2.0: changeNumber).
const maxNumber = 80

func (c *call) phoneResource(i int) *resource {
	p, d := c.user.phones[i], c.server.config.Dialect
	self := c.href("/me/phones/" + d.phoneSegment(i))
	r := &resource{rel: "phone", href: self}
	r.properties = []property{ // an empty number is written, unlike other empty strings
		{"number", d.phoneNumber(p.Number)},
		{"type", d.phoneType(i)},
		{"includeInContactCard", p.IncludeInContactCard},
	}
	r.addETag(d, p.version)
	if !p.adOwned {
		r.addLink("changeNumber", self+"/changeNumber")
		r.addLink("changeVisibility", self+"/changeVisibility")
	}
	return r
}

// getPhones answers all four phones (UCWA 2.0: phones).
func getPhones(c *call) {
	e := embedded{rel: "phone", many: true}
	for i := range phoneTypes {
		e.resources = append(e.resources, c.phoneResource(i))
	}
	c.answer(http.StatusOK, &resource{rel: "phones", href: c.href("/me/phones"), embedded: []embedded{e}})
}

// phoneIndex finds the phone of the path, or answers 404 and returns -1.
func (c *call) phoneIndex() int {
	for i := range phoneTypes {
		if c.server.config.Dialect.phoneSegment(i) == c.args["phone"] {
			return i
		}
	}
	c.fail(fail(http.StatusNotFound, "NotFound", "", "The resource does not exist."))
	return -1
}

func getPhone(c *call) {
	i := c.phoneIndex()
	if i < 0 {
		return
	}
	c.answerVersion(c.phoneResource(i), c.user.phones[i].version)
}

// changeable finds the phone of the path if it may be changed. The documented
// conflict is about sharing a read-only phone; it is assumed for its number too.
func (c *call) changeable() (int, bool) {
	i := c.phoneIndex()
	if i >= 0 && c.user.phones[i].adOwned {
		c.fail(fail(http.StatusConflict, "Conflict", "None", "The phone is read-only because it is set in Active Directory."))
		return i, false
	}
	return i, i >= 0
}

// postChangeNumber sets, or without a number deletes, what is stored (UCWA 2.0:
// changeNumber).
func postChangeNumber(c *call) {
	i, ok := c.changeable()
	if !ok {
		return
	}
	var number string
	var share *bool
	if !c.readForm(func(f *form) {
		number, share = f.text("number", maxNumber, false), f.flag("includeInContactCard")
	}) {
		return
	}
	next := c.user.phones[i].Phone
	next.Number = ""
	if strings.TrimSpace(number) != "" {
		if next.Number, ok = c.user.plan.normalise(number); !ok {
			c.fail(fail(http.StatusBadRequest, "BadRequest", "NormalizationFailed", "The phone number could not be normalized."))
			return
		}
	}
	if share != nil {
		next.IncludeInContactCard = *share
	}
	c.user.store(i, next, "changeNumber", c.app.id)
	c.done()
}

// postChangeVisibility shares a phone on the contact card or stops that (UCWA
// 2.0: changeVisibility). Null leaves it, which is assumed.
func postChangeVisibility(c *call) {
	i, ok := c.changeable()
	if !ok {
		return
	}
	var share *bool
	if !c.readForm(func(f *form) { share = f.flag("includeInContactCard") }) {
		return
	}
	if share != nil {
		next := c.user.phones[i].Phone
		next.IncludeInContactCard = *share
		c.user.store(i, next, "changeVisibility", c.app.id)
	}
	c.done()
}

// phoneNamed is the index of a phone type, folded.
func phoneNamed(name string) (int, bool) {
	i := slices.Index(phoneTypes[:], strings.ToLower(strings.TrimSpace(name)))
	return i, i >= 0
}
