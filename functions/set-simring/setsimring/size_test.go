//go:build !prove

package setsimring_test

const (
	// propertyChecks is how many plays the property test draws.
	propertyChecks = "15"

	// deathStride has the crash test kill a process after every other of its side effects.
	deathStride = 2
)
