//go:build prove

package changenumber_test

// deathStride is how many side effects lie between two deaths that are played.
const deathStride = 1
