#!/usr/bin/env bash
# Validates template.yaml: cfn-lint, sam validate --lint, then the SAM transform,
# whose result is linted again and held to the rules of this package.
#
#   validate.sh           all of that
#   validate.sh --build   and sam build of every function (needs Go)
#
# The tools are installed once into build/template/venv, at the versions of
# requirements.txt. Needs Python 3.9 or later with venv, and Go. AWS_REGION
# chooses the region whose rules apply.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=build/template
venv=$work/venv
wanted=infra/template/requirements.txt
export AWS_DEFAULT_REGION=${AWS_REGION:-eu-central-1}
export SAM_CLI_TELEMETRY=0 PYTHONWARNINGS=ignore

say() { echo "template: $*"; }

install() {
	cmp -s "$wanted" "$venv/installed" && return
	say "installing tools into $venv"
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
	cp "$wanted" "$venv/installed"
}

mkdir -p "$work"
install

say 'cfn-lint template.yaml'
"$venv/bin/cfn-lint" --regions "$AWS_DEFAULT_REGION" --non-zero-exit-code informational -- template.yaml

say 'sam validate --lint'
"$venv/bin/sam" validate --lint --template-file template.yaml --region "$AWS_DEFAULT_REGION" >"$work/sam-validate.log" 2>&1 ||
	{ cat "$work/sam-validate.log" >&2; exit 1; }

say 'SAM transform'
"$venv/bin/python" infra/template/render.py template.yaml >"$work/rendered.json"

say 'cfn-lint of the rendered template'
"$venv/bin/cfn-lint" --regions "$AWS_DEFAULT_REGION" --non-zero-exit-code informational -- "$work/rendered.json"

say 'rules of the rendered template'
RENDERED_TEMPLATE=$PWD/$work/rendered.json go test -count=1 -run 'TestRendered' ./infra/template

if [ "${1:-}" = --build ]; then
	say 'sam build'
	"$venv/bin/sam" build --template-file template.yaml --build-dir "$work/sam" >"$work/sam-build.log" 2>&1 ||
		{ cat "$work/sam-build.log" >&2; exit 1; }
	for folder in functions/*/; do
		id=$(basename "$folder" | awk -F- '{ for (i = 1; i <= NF; i++) printf "%s%s", toupper(substr($i, 1, 1)), substr($i, 2) }')
		[ -x "$work/sam/$id/bootstrap" ] || { echo "template: sam build made no bootstrap of $folder" >&2; exit 1; }
	done
fi
say 'valid'
