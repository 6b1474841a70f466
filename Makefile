# SPDX-License-Identifier: MPL-2.0
#
# Everything is built with the same flags, so that Vault's 1,750 packages are
# compiled once (about five minutes on two cores) and then kept in Go's cache.

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -c

export CGO_ENABLED := 0
export GOFLAGS     := -trimpath -buildvcs=false

VERSION ?=
LDFLAGS := -s -w $(if $(VERSION),-X main.release=$(VERSION))

# The race detector needs a C compiler, and would compile all of Vault once
# more: these packages do without Vault's core and are tested with it.
RACE := ./mashery ./cache ./secretsengine ./sandbox/emulator ./agentext/apierror
CC   ?= cc
HAVE_CC := $(shell command -v $(CC) 2>/dev/null)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

.PHONY: dev
dev: bin/mashproxy ## Run the sandbox and the proxy; ARGS="-qps=10 -smoke" for its flags
	@exec bin/mashproxy dev $(ARGS)

.PHONY: build
build: bin/mashproxy bin/vault-plugin-secrets-mashery ## Build both static binaries into bin/
	@ls -lh bin | awk 'NR > 1 { print $$5 "\t" "bin/" $$NF }'

bin/%: FORCE
	@mkdir -p bin
	@echo "Building $@. The first build compiles Vault, which takes some minutes; later ones take seconds." >&2
	@go build -v -ldflags '$(LDFLAGS)' -o $@ ./cmd/$* 2>&1 | \
		awk '/^[^ ]+$$/ { if (++n % 100 == 0) print "  " n " packages compiled"; next } { print }' >&2

.PHONY: FORCE
FORCE:

.PHONY: test
test: ## Run all tests, with the race detector where a C compiler is found
ifneq ($(HAVE_CC),)
	CGO_ENABLED=1 go test -race $(RACE)
	go test $$(go list ./... | grep -vxF "$$(go list $(RACE))")
else
	@echo "No C compiler found ($(CC)): testing without the race detector."
	go test ./...
endif

# Fuzzing compiles all that a package imports once more: these do without Vault.
# Any other is fuzzed by FUZZ=./agentext/intercept, with some minutes for the first.
FUZZ     ?= ./mashery ./cache ./sandbox/emulator ./agentext/config/hcl1 ./agentext/localrules ./agentext/forward/scanner
FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## Fuzz each target of the packages without Vault, for FUZZTIME=10s each
	@for package in $(FUZZ); do \
		tests=$$(go test -list '^Fuzz' $$package) || { echo "$$tests"; exit 1; }; \
		for target in $$(grep '^Fuzz' <<< "$$tests"); do \
			echo "$$package $$target"; \
			go test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: bench
bench: bin/mashproxy ## Measure the proxy beside a bare reverse proxy; ARGS="-rounds=3" for its flags
	@go run ./bench -binary=bin/mashproxy $(ARGS)

.PHONY: chaos
chaos: bin/mashproxy ## Break things around the proxy while clients call; ARGS="-only=sealed" for some of them
	@go run ./chaos -binary=bin/mashproxy $(ARGS)

DURATION ?= 10m

.PHONY: soak
soak: bin/mashproxy ## Watch goroutines and memory under steady calls on short leases, for DURATION=10m
	@go run ./bench/soak -binary=bin/mashproxy -for=$(DURATION) $(ARGS)

.PHONY: lint
lint: ## Check formatting, vet, staticcheck and go.mod
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
