//go:build !prove

package failures_test

// thorough says that every command of a section meets each row, in JSON and XML;
// otherwise the first does, in JSON.
const thorough = false
