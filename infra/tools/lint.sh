#!/bin/sh
# Checks the form of the tree: lint.sh FOLDER...
# Every check runs; the exit status says whether all passed. What needs the
# network and cannot have it is named and left out.
set -u

GO=${GO:-go}
tools=infra/tools/go.mod
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fail() {
	echo "lint: $1" >&2
	failed=1
}

# offline reports whether the last command failed for want of a network.
offline() {
	grep -qiE 'dial tcp|no such host|connection refused|network is unreachable|i/o timeout|module lookup disabled|TLS handshake|proxyconnect' "$log"
}

echo 'lint: gofumpt'
"$GO" tool -modfile=$tools gofumpt -l "$@" >"$log" || fail 'gofumpt did not run'
if [ -s "$log" ]; then
	cat "$log" >&2
	fail "these files are not formatted: $GO tool -modfile=$tools gofumpt -w $*"
fi

for tags in '' prove e2e; do
	echo "lint: vet, staticcheck${tags:+ (-tags $tags)}"
	"$GO" vet -tags "$tags" ./... || fail 'vet found something'
	"$GO" tool -modfile=$tools staticcheck -tags "$tags" ./... || fail 'staticcheck found something'
done

for module in . infra/tools; do
	echo "lint: tidy $module"
	if ! (cd $module && "$GO" mod tidy -diff) >"$log" 2>&1; then
		if offline; then
			echo "lint: NOT CHECKED: tidying $module needs modules that are not in the cache"
		else
			cat "$log" >&2
			fail "go.mod or go.sum of $module is not tidy: (cd $module && $GO mod tidy)"
		fi
	fi
done

echo 'lint: govulncheck'
"$GO" tool -modfile=$tools govulncheck ./... >"$log" 2>&1
case $? in
0) tail -n 1 "$log" ;;
3)
	cat "$log" >&2
	fail 'a known vulnerability is reachable'
	;;
*)
	if offline; then
		echo 'lint: NOT CHECKED: the vulnerability database cannot be reached'
	else
		cat "$log" >&2
		fail 'govulncheck did not run'
	fi
	;;
esac

[ $failed = 0 ] && echo 'lint: clean'
exit $failed
