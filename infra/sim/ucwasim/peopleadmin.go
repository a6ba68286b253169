package ucwasim

import (
	"fmt"
	"net/http"
)

// AddContact puts somebody on a user's contact list, as another client of the user
// would. Like all changes of the list it tells the applications that have a
// connected subscription; a *simkit.Invalid says what is wrong with it.
func (s *Server) AddContact(address string, c Contact) error {
	return s.list(address, "add contact", func(u *user) error { return u.addContact(c) })
}

// RemoveContact takes a contact off the list.
func (s *Server) RemoveContact(address, uri string) error {
	return s.list(address, "remove contact", func(u *user) error { return u.removeContact(uri) })
}

// RenameContact gives a contact another name, of which nobody is told unless
// SubscriptionConfig.ContactUpdates is set.
func (s *Server) RenameContact(address, uri, name string) error {
	return s.list(address, "rename contact", func(u *user) error {
		return u.renameContact(uri, name, s.config.Subscriptions.ContactUpdates)
	})
}

// MoveContact puts a contact into another group; an empty one is the default group.
func (s *Server) MoveContact(address, uri, group string) error {
	return s.list(address, "move contact", func(u *user) error { return u.moveContact(uri, group) })
}

// PinContact puts a contact into the pinned group too, or takes it out.
func (s *Server) PinContact(address, uri string, pinned bool) error {
	return s.list(address, "pin contact", func(u *user) error { return u.pinContact(uri, pinned) })
}

// AddGroup makes a group.
func (s *Server) AddGroup(address string, g Group) error {
	return s.list(address, "add group", func(u *user) error { return u.addGroup(g) })
}

// RenameGroup gives the group with the same ID another name.
func (s *Server) RenameGroup(address string, g Group) error {
	return s.list(address, "rename group", func(u *user) error { return u.renameGroup(g) })
}

// RemoveGroup ends a group. Its members stay on the list, in the default group.
func (s *Server) RemoveGroup(address, id string) error {
	return s.list(address, "remove group", func(u *user) error { return u.removeGroup(id) })
}

func (s *Server) list(address, operation string, f func(*user) error) error {
	if err := s.try(address, f); err != nil {
		return fmt.Errorf("ucwasim: %s: %w", operation, err)
	}
	return nil
}

// SetPeoplePolicy replaces what a user may do with the contact list. Subscriptions
// stay.
func (s *Server) SetPeoplePolicy(address string, p PeoplePolicy) error {
	return s.change(address, func(u *user) { u.PeoplePolicy = p })
}

// ResetChannels drops the subscriptions and queued events of a user's applications
// that have sent an event request, as after a long silence: the next event request
// is answered with resume.
func (s *Server) ResetChannels(address string) error {
	return s.change(address, func(u *user) {
		for _, a := range u.apps {
			if a.channel.opened() {
				u.reset(a, &s.config.Events)
			}
		}
	})
}

// peopleControl adds the routes of the contact list.
func (s *Server) peopleControl(mux *http.ServeMux) {
	mux.HandleFunc("POST /users/{user}/contacts", setter(s, s.AddContact))
	mux.HandleFunc("DELETE /users/{user}/contacts/{uri}", func(w http.ResponseWriter, r *http.Request) {
		s.controlled(w, r, s.RemoveContact(r.PathValue("user"), r.PathValue("uri")))
	})
	mux.HandleFunc("PUT /users/{user}/contacts/{uri}", s.putContact)
	mux.HandleFunc("POST /users/{user}/groups", setter(s, s.AddGroup))
	mux.HandleFunc("DELETE /users/{user}/groups/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.controlled(w, r, s.RemoveGroup(r.PathValue("user"), r.PathValue("id")))
	})
	mux.HandleFunc("PUT /users/{user}/groups/{id}", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Name string `json:"name"`
		}
		if decode(w, r, &body) {
			s.controlled(w, r, s.RenameGroup(r.PathValue("user"), Group{r.PathValue("id"), body.Name}))
		}
	})
	mux.HandleFunc("PUT /users/{user}/peoplePolicy", setter(s, s.SetPeoplePolicy))
	mux.HandleFunc("POST /users/{user}/resetChannels", s.doer(s.ResetChannels))
}

// putContact renames, moves and pins.
func (s *Server) putContact(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name   *string `json:"name"`
		Group  *string `json:"group"`
		Pinned *bool   `json:"pinned"`
	}
	if !decode(w, r, &body) {
		return
	}
	uri := r.PathValue("uri")
	s.controlled(w, r, s.list(r.PathValue("user"), "change contact", func(u *user) error {
		if body.Group != nil {
			if err := u.moveContact(uri, *body.Group); err != nil {
				return err
			}
		}
		if body.Pinned != nil {
			if err := u.pinContact(uri, *body.Pinned); err != nil {
				return err
			}
		}
		if body.Name != nil {
			return u.renameContact(uri, *body.Name, s.config.Subscriptions.ContactUpdates)
		}
		return nil
	}))
}
