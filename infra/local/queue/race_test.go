//go:build race

package queue_test

// SQLite is many times slower under the race detector.
const modelChecks = "2"
