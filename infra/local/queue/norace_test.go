//go:build !race

package queue_test

const modelChecks = "30"
