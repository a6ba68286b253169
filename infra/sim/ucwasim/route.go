package ucwasim

import (
	"net/http"
	"slices"
	"strings"
)

// endpoint is one path of the server. The guard answers and returns false when a
// call may not go on to its verb; no verbs means that nothing is there.
type endpoint struct {
	segments []string // {name} matches one, ... any number at the end
	guard    func(*call) bool
	verbs    verbs
}

type verbs map[string]verb

type verb struct {
	operation string
	serve     func(*call)
}

const autodiscover = "/Autodiscover/AutodiscoverService.svc/root"

// table lists all paths. Later resources are further rows.
func (s *Server) table() []endpoint {
	apps := s.config.Dialect.applications()
	app := apps + "/{app}"
	phone := app + "/me/phones/{phone}"
	all := []endpoint{
		at("/", open, get("root", getFirstRoot)),
		at(autodiscover, open, get("root", getRoot)),
		at(autodiscover+"/oauth/user", ticketed, get("user", getUser)),
		at(autodiscover+"/user", ticketed, get("user", getUser)),
		at(xframePath, open, get("xframe", getXFrame)),
		at(tokenPath, open, post("token", postToken)),
		at(apps, signedIn, post("applications", postApplications)),
		at(app, inApplication, verbs{
			http.MethodGet:    {"application", getApplication},
			http.MethodDelete: {"deleteApplication", deleteApplication},
		}),
		at(app+"/me", inApplication, get("me", getMe)),
		at(app+"/me/makeMeAvailable", inApplication, post("makeMeAvailable", postMakeMeAvailable)),
		at(app+"/me/reportMyActivity", inApplication, post("reportMyActivity", postReportMyActivity)),
		at(app+"/me/phones", withVoice, get("phones", getPhones)),
		at(phone, withVoice, get("phone", getPhone)),
		at(phone+"/changeNumber", withVoice, post("changeNumber", postChangeNumber)),
		at(phone+"/changeVisibility", withVoice, post("changeVisibility", postChangeVisibility)),
	}
	all = append(all, at(app+eventsPath, inApplication, get("events", getEvents)))
	all = append(all, forwardingEndpoints(app)...)
	all = append(all, peopleEndpoints(app, s.config.Dialect)...)
	return append(all, at(app+"/...", inApplication, nil))
}

func at(path string, guard func(*call) bool, v verbs) endpoint {
	return endpoint{segments(path), guard, v}
}

func get(operation string, serve func(*call)) verbs {
	return verbs{http.MethodGet: {operation, serve}}
}

func post(operation string, serve func(*call)) verbs {
	return verbs{http.MethodPost: {operation, serve}}
}

func segments(path string) []string {
	return strings.Split(strings.Trim(path, "/"), "/")
}

// match finds the endpoint of a path, folded as IIS does, and its arguments.
func (s *Server) match(path string) (*endpoint, map[string]string) {
	parts := segments(path)
	for i := range s.endpoints {
		if args, ok := s.endpoints[i].match(parts); ok {
			return &s.endpoints[i], args
		}
	}
	return nil, nil
}

func (e *endpoint) match(parts []string) (map[string]string, bool) {
	args := 0
	for i, want := range e.segments {
		switch {
		case want == "...":
			return e.arguments(parts, args), true
		case i >= len(parts):
			return nil, false
		case strings.HasPrefix(want, "{"):
			args++
		case !strings.EqualFold(want, parts[i]):
			return nil, false
		}
	}
	if len(parts) != len(e.segments) {
		return nil, false
	}
	return e.arguments(parts, args), true
}

func (e *endpoint) arguments(parts []string, n int) map[string]string {
	args := make(map[string]string, n)
	for i, name := range e.segments {
		if strings.HasPrefix(name, "{") {
			args[strings.Trim(name, "{}")] = strings.ToLower(parts[i])
		}
	}
	return args
}

func (e *endpoint) allow() string {
	var methods []string
	for m := range e.verbs {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// operations are the names a fault may use.
func operations(endpoints []endpoint) []string {
	names := []string{"unknown"}
	for _, e := range endpoints {
		for _, v := range e.verbs {
			names = append(names, v.operation)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
