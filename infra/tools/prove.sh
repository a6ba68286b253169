#!/bin/sh
# Runs the slower proofs below the named folders: prove.sh FOLDER...
#
# First the tests behind -tags prove, then every fuzz target. FUZZ_SECONDS is
# what all targets get together (180); each gets at least 3 and at most 10.
set -eu

GO=${GO:-go}
budget=${FUZZ_SECONDS:-180}

# having lists the packages with test files that match a pattern.
having() {
	pattern=$1
	shift
	{ grep -rlE --include='*_test.go' "$pattern" "$@" || true; } | while read -r file; do
		echo "./$(dirname "$file")"
	done | sort -u
}

packages=$(having '^//go:build .*prove' "$@")
if [ -n "$packages" ]; then
	echo "prove: tests behind -tags prove in" $packages
	# shellcheck disable=SC2086 # one word a package
	"$GO" test -tags prove -count=1 -timeout 20m $packages
fi

list=$(mktemp)
trap 'rm -f "$list"' EXIT
for package in $(having '^func Fuzz' "$@"); do
	names=$("$GO" test -list '^Fuzz' "$package")
	echo "$names" | sed -n "s|^Fuzz|$package Fuzz|p" >>"$list"
done
count=$(grep -c . "$list" || true)
if [ "$count" = 0 ]; then
	echo 'prove: no fuzz targets'
	exit 0
fi
seconds=$((budget / count))
[ $seconds -ge 3 ] || seconds=3
[ $seconds -le 10 ] || seconds=10
echo "prove: $count fuzz targets, ${seconds}s each"

# fuzz PACKAGE TARGET: the go command sometimes fails because its own time ran
# out while a worker was busy. That says nothing
# about the target, so it runs again; a finding names its input and never does.
fuzz() {
	out=$(mktemp)
	for try in 1 2 3; do
		if "$GO" test -run '^$' -fuzz "^$2\$" -fuzztime "${seconds}s" -fuzzminimizetime 5s "$1" </dev/null >"$out" 2>&1; then
			tail -n 2 "$out"
			rm -f "$out"
			return 0
		fi
		if grep -q 'Failing input written' "$out" || ! grep -q 'context deadline exceeded' "$out"; then
			break
		fi
		echo "prove: the fuzzer ran into its own deadline, try $try"
	done
	cat "$out" >&2
	rm -f "$out"
	return 1
}

while read -r package target; do
	echo "prove: $package $target"
	fuzz "$package" "$target"
done <"$list"
