// Package webex is a client for what Webex Calling says about phone numbers:
// which ones are free to become a person's primary number
// ([Client.AvailableNumbers], "Webex: Get Person Primary Available Phone
// Numbers") and what the inventory knows about given numbers ([Client.Numbers]).
//
// Both are read only. Neither list is a reservation: two callers see the same
// free number, and it can be gone a second later.
//
// Listings are iterators that fetch a page when it is needed. The client follows
// next links on its own host only, removes repeats, lowers the page size when
// Webex is too slow for it, refreshes a refused token once, and holds one
// request budget for all its callers: a Retry-After answer to one pauses every
// one. A wait longer than [Config.MaxWait], or than the caller's deadline, is
// not slept but returned, as an [*Error] of class unavailable with RetryAfter.
//
// Every failure, whatever the shape of the answer, is one [*Error].
package webex
