// Package ucwasim is a Skype for Business Server 2015 as far as a UCWA 2.0
// client sees it: discovery, web tickets, applications, a user's phones, call
// forwarding and contact list with its subscription, and the event channel, over
// HTTP, with nothing but this process behind it. What falls due by the clock is
// computed when somebody looks, so that a user costs no timer and no goroutine.
//
// [New] gives a handler for every simulated host; [Start] also opens the ports.
// Faults, latency and the request history come with simkit, on the control
// handler and on [Server.Script].
//
// Facts are those of Microsoft's UCWA 2.0 documentation, whose page names the
// comments cite. Where the pages are silent, the comment says that the behaviour
// is assumed. What is left out is listed in the README.
package ucwasim
