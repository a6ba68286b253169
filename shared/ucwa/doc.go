// Package ucwa is a client for the Unified Communications Web API 2.0 of Skype
// for Business Server: it signs one user in, opens an application for that user
// and reads and changes the user's published phones and call forwarding, and
// follows the user's contacts and groups.
//
//	Client.Open(user)
//	  discover      lyncdiscoverinternal.<domain>, lyncdiscover.<domain>, or the
//	                configured URL -> "redirect"* -> "user"       cached per domain
//	  sign in       401 challenge -> token endpoint of that pool
//	                -> Bearer token                     cached per user and pool
//	  locate        "user" -> "redirect"* or "applications"      cached per user
//	  create        POST applications -> application with "me"
//	Application
//	  Phones, Phone          GET  me -> "phones" -> "phone"
//	  ChangeNumber           POST phone -> "changeNumber"
//	  ChangeVisibility       POST phone -> "changeVisibility"
//	  CallForwarding         GET  me -> "callForwardingSettings" with three children
//	  ForwardContact         GET  child -> "contact": the number or person
//	  RingContact, ...       POST child -> "simultaneousRingToContact", ...
//	  UpdateCallForwarding   PUT  callForwardingSettings, If-Match
//	  UpdateRingDelay        PUT  child, If-Match
//	  ContactList            GET  people -> "myContacts", "myGroups", "myGroupMemberships"
//	  ContactsSubscription   GET  people -> "myContactsAndGroupsSubscription"
//	  RefreshSubscription    POST "startOrRefreshSubscriptionToContactsAndGroups"
//	  StopSubscription       POST "stopSubscriptionToContactsAndGroups"
//	  Poll                   GET  "events", then "next", "resume" or "resync"
//	  Keep                   for Client.Resume in another process, or
//	  Close                  DELETE application
//
// With location and token cached, Open, Phones, ChangeNumber, Phones and Close
// are five calls.
//
// Following contacts takes an application that is kept: Resume,
// RefreshSubscription and Poll are two calls, as long as the token lasts.
//
// UCWA acts for the signed-in user only. The phones are the numbers that the
// user publishes; none of this assigns the enterprise-voice line. Call
// forwarding is that of the user's enterprise voice.
//
// # Links
//
// A URL is used only as a link gave it, resolved against the host that
// answered. A link that is not there means that the user may not do this now:
// the operation answers with [ErrMissingLink] and makes no call. A phone
// without changeNumber is owned by the directory (UCWA 2.0: phone).
//
// # Tokens
//
// A token is honoured only by the pool that issued it, so each host is asked
// for its own challenge and no token is ever sent to a host of another pool.
// The client renews a token before it expires, once more after a 401, and
// recovers from "28032" (the wrong pool's token, answered as 500).
//
// # Failures
//
// Every failure is an [*Error] with a class for the outcome and a [Remedy] for
// the caller. Calls that can be repeated without harm are repeated a few times
// within the context's deadline. A call that changes the user is never
// repeated once it may have been sent: its outcome is [Verify], read first.
//
// Sources: the UCWA 2.0 pages named at each operation, and where those are
// silent what deployed clients are known to meet; the comments say which.
package ucwa
