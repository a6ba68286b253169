//go:build prove

package setsimring_test

const (
	// propertyChecks is how many plays the property test draws.
	propertyChecks = "1000"

	// deathStride has the crash test kill a process after each of its side effects.
	deathStride = 1
)
