package failures

import "dialtone/infra/sim/simkit"

// Sections returns the list, in the order of the calls that a command makes.
func Sections() []Section {
	return []Section{
		discovery(),
		userResource(),
		tokens(),
		applications(),
		phones(),
		changeNumber(),
		normalising(),
		denormalising(),
		lostApplications(),
		forwarding(),
		contactOfRing(),
		simultaneousRing(),
		ringingOff(),
		turningOff(),
		restoring(),
		statusOfReads(),
		statusOfChanges(),
		statusOfReadBack(),
		genericOfReads(),
		genericOfChanges(),
		webexAvailable(),
		webexInventory(),
		webexToken(),
	}
}

// row is an answer, what it means, and what a command comes to when it comes one
// time and when it comes each time.
func row(answer simkit.Fault, means string, once, lasting End, words Words) Row {
	return Row{Answer: answer, Means: means, Once: once, Lasting: lasting, Words: words}
}

// note tells the row from others with the same status and code.
func (r Row) note(text string) Row {
	r.Note = text
	return r
}

// answer adds answers to a call, after so many of them that go well.
func (s *Section) answer(call string, after int, rows ...Row) {
	for _, r := range rows {
		r.Call, r.After = call, after
		s.Rows = append(s.Rows, r)
	}
}

// says is an answer in the vendor's own form.
func says(status int, code, subcode string) simkit.Fault {
	return simkit.Fault{Status: status, Code: code, Subcode: subcode}
}

// page is the answer of a web server or proxy: a page for people.
func page(status int) simkit.Fault { return simkit.Fault{Status: status, HTML: true} }

// with puts a header on an answer.
func with(f simkit.Fault, header, value string) simkit.Fault {
	f.Header = map[string]string{header: value}
	return f
}

func diagnosed(f simkit.Fault, text string) simkit.Fault { return with(f, "X-Ms-diagnostics", text) }

// cutOff and silence are calls without an answer.
func cutOff() simkit.Fault  { return simkit.Fault{ResetBefore: true} }
func silence() simkit.Fault { return simkit.Fault{Hang: true} }
