# Everything that is done with this repository. `make` alone says what there is.
#
# GOFLAGS, GOOS and GOARCH of the caller reach every go command.

ARGS  ?=
GO    ?= go
TOOL  := $(GO) tool -modfile=infra/tools/go.mod
TREE  := events functions infra shared
PLAY  := events/sample/onboarding.jsonl
E2E   := ./infra/e2e/... ./infra/emulators/ledger
STRIP := -trimpath -ldflags "-s -w"

# The race detector needs a C compiler that finds its headers.
HAS_CC := $(shell $$($(GO) env CC) -include stdlib.h -x c -c -o /dev/null /dev/null 2>/dev/null && echo yes)
ifeq ($(HAS_CC),yes)
RACE := -race
endif

# One emulator of SQS comes from Maven; without it that row of e2e is not run.
HAS_MAVEN  = $(shell java -version >/dev/null 2>&1 && javac -version >/dev/null 2>&1 && mvn -version >/dev/null 2>&1 && echo maven)

.DEFAULT_GOAL := help
.PHONY: help run test bench prove e2e conform emulators lint check build deploy generate tool no-race

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tool ## the embedded stack with both simulators and 200 new hires; ARGS=--exit stops after the summary
	@bin/dialtone run --play $(PLAY) $(ARGS)

test: no-race ## everything fast, shuffled, under the race detector; no network
	$(GO) test $(RACE) -shuffle=on $(ARGS) ./...

no-race:
ifneq ($(RACE),-race)
	@echo '**********************************************************************'
	@echo '* No C compiler: the tests run WITHOUT the race detector.            *'
	@echo '* Install gcc or clang to have data races found.                     *'
	@echo '**********************************************************************'
endif

bench: ## what an assigned number and a cold start cost, beside their budgets; ARGS=-strict fails when one is broken
	$(GO) run ./infra/bench $(ARGS)
	$(GO) run ./infra/coldstart

prove: ## slower proofs: crashes, faults and models behind -tags prove, then every fuzz target for a while
	@GO='$(GO)' sh infra/tools/prove.sh $(TREE)

e2e: ## template.yaml and the real bootstraps on emulators of AWS; needs Node and Python, and Java with Maven for all of it
	@$(GO) run ./infra/emulators/cmd/install npm pip $(HAS_MAVEN)
	@bash infra/template/validate.sh
	$(GO) test -tags e2e -count=1 -p 1 -timeout 20m $(ARGS) $(E2E)

conform: emulators ## the queue suite and the SQS adapter on four SQS emulators, rows that an emulator gets wrong named
	$(GO) test -tags e2e -count=1 -timeout 20m $(ARGS) ./infra/emulators

emulators: ## install the emulators of AWS, once, into build/emulators
	@$(GO) run ./infra/emulators/cmd/install

lint: ## formatting, vet, staticcheck, tidy modules, known vulnerabilities
	@GO='$(GO)' sh infra/tools/lint.sh $(TREE)

check: lint test prove e2e ## all that CI runs
	@$(MAKE) --no-print-directory run ARGS=--exit

build: tool ## bin/dialtone and build/<function>/bootstrap; GOARCH=arm64 for AWS
	@for main in $(wildcard functions/*/main.go); do \
		name=$$(basename $$(dirname $$main)); \
		echo "build/$$name/bootstrap"; \
		CGO_ENABLED=0 $(GO) build -tags lambda.norpc $(STRIP) -o build/$$name/bootstrap ./functions/$$name || exit 1; \
	done

tool:
	@CGO_ENABLED=0 $(GO) build $(STRIP) -o bin/dialtone ./infra/cmd/dialtone

deploy: ## build for AWS and deploy with the settings of samconfig.toml
	sam build
	sam deploy

generate: ## write the generated files anew
	$(GO) generate ./...
