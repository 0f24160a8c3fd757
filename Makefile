# Slipway. `make help` lists what there is.
SHELL      := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/slipway-ml/slipway/internal/version.Version=$(VERSION)
GOBUILD  := $(GO) build -ldflags '$(LDFLAGS)'

# One setting for building, testing and vetting, so that the build cache serves all.
export CGO_ENABLED ?= 0

##@ Use

.PHONY: demo
demo: build ## Set up everything and train a model with the kfp SDK on this machine
	@hack/demo.sh

.PHONY: build
build: deps distro ## Build every program into bin/
	@mkdir -p bin
	@$(GOBUILD) -o bin/ ./cmd/...

.PHONY: dist
dist: build ## A tarball that runs on a machine without Go or a compiler
	@hack/dist.sh "$(VERSION)"

##@ Check

.PHONY: test
test: build ## Set up everything and run all tests: units, real API server, end to end
	@hack/test.sh

.PHONY: unit
unit: ## Unit tests only
	@$(GO) test -shuffle=on ./...

.PHONY: verify
verify: ## Format, lint, import arrows, generated files, cross-builds
	@hack/verify.sh

.PHONY: bench
bench: build ## Benchmarks, as a table
	@hack/bench.sh

.PHONY: stat
stat: ## Hand-written lines per room
	@hack/stat.sh

.PHONY: generate
generate: ## Regenerate CRDs and deep copies
	@hack/generate.sh

##@ Parts

.PHONY: deps
deps: ## Install the Debian packages that building and running need
	@hack/deps.sh

.PHONY: distro
distro: ## The bundled Kubernetes (built once, cached by content)
	@distro/build.sh

.PHONY: clean
clean: ## Remove bin/ and dist/ (the caches under SLIPWAY_CACHE stay)
	@rm -rf bin dist

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
