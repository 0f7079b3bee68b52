# "make" lists the targets. Tools are pinned here, not in go.mod, and live in .bin/.

GOLANGCI_LINT_VERSION := v2.15.0
FUZZTIME ?= 60s
BENCH    ?= .
COVERAGE := 90

# The root module and those nested in it.
MODULES := $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path '*/.*/*' -not -path '*/testdata/*' | sort))
LINT    := $(CURDIR)/.bin/golangci-lint-$(GOLANGCI_LINT_VERSION)

# $(call each,COMMAND) runs the command in every module and stops at the first failure.
each = @set -e; for module in $(MODULES); do echo "== $$module: $(strip $(1))"; (cd $$module && $(1)); done

comma := ,

.DEFAULT_GOAL := help
.PHONY: help check fmt tidy vet lint test race fuzz cover servers real lab bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

check: fmt tidy vet lint race ## everything that must hold before a commit

fmt: ## fail on files that gofmt would change
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt -w $$files"; exit 1; }

tidy: ## fail on a go.mod or go.sum that "go mod tidy" would change
	$(call each, go mod tidy -diff)

vet: ## go vet, with and without the tests that need servers and networks
	$(call each, go vet ./... && go vet -tags realserver$(comma)lab ./...)

lint: $(LINT) ## golangci-lint
	$(call each, $(LINT) run ./...)

$(LINT):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(@D)/golangci-lint $@

test: ## the tests
	$(call each, go test ./...)

race: ## the tests with the race detector, in random order
	$(call each, go test -race -shuffle=on ./...)

fuzz: ## every fuzz target for FUZZTIME (default 60s)
	scripts/fuzz $(FUZZTIME) $(MODULES)

cover: ## coverage of the root package, with a minimum
	scripts/coverage $(COVERAGE)

servers: ## fetch the real servers
	scripts/fetch-servers

real: servers ## the tests against real servers too; as root
	$(call each, go test -tags realserver -count=1 ./...)

lab: ## the tests in networks with NATs and firewalls; as root
	scripts/lab

bench: ## benchmarks that match BENCH (default all)
	$(call each, go test -run '^$$' -bench '$(BENCH)' -benchmem ./...)
