//go:build !prove

package sqlite_test

const brief = true
