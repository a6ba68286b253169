// Package webexsim simulates the number side of Webex Calling over HTTP, so
// that a client can be written and tested without an organisation.
//
// It lists the numbers that may become a person's primary number, the inventory
// of all numbers with their owners, locations, licences and the owner of the
// token, and it issues and rotates tokens. [New] builds a [Server] from a
// [Config] whose zero value is usable; [Server.Handler] is the vendor's API
// below /v1, [Server.Control] a second handler with which a test or an operator
// injects faults, reads what was asked and plays the administrator who takes or
// frees a number meanwhile.
//
// All generated data follow from the configuration and its seed: two servers
// with the same configuration hold the same numbers in the same state. The
// package declares its own wire types and shares none with any client, so that
// one misreading of the documentation cannot pass on both sides.
//
// Facts about the wire come from the pages "Webex: Get Person Primary Available
// Phone Numbers", "Webex: Get Phone Numbers for an Organization with Given
// Criteria" and their neighbours on the developer portal. Where the pages are
// silent the choice made here is named at the field or function that makes it.
package webexsim
