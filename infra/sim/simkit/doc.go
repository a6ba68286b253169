// Package simkit is what every simulator of this project has beside the API it
// imitates: a script of faults, a bounded history of requests, and a control
// API for both.
//
// A simulator wraps its handler with [Script.Middleware] and serves
// [Script.Control] on a second address. The middleware asks the simulator which
// operation and user a request is about, then decides by the script whether the
// request is served, delayed, answered otherwise, cut off or never answered.
// Everything random comes from one seed.
package simkit
