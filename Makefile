# The commands of this project. `make` alone lists them; the steps are in scripts/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test conformance chaos build dist bench deploy clean

help: ## list these targets
	@echo "MoltGhost access layer"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run PORT=8790              another port than 8787"
	@echo "  make run TO=http://127.0.0.1:11434   a server of yours in place of the demo pod"
	@echo "  make test ONLY=e2e              one part: $$(scripts/test --list)"
	@echo "  make deploy DOMAIN=example.com  see docs/operators-guide.md"

run: ## build, start everything on http://127.0.0.1:8787 and print lines to paste
	@exec scripts/run $(if $(TO),--to "$(TO)")

test: ## formats, lints, tests, size, end-to-end suites; ends with "N passed, N failed"
	@exec scripts/test

conformance: ## the network's suite against the original Moltnet and against ours
	@exec scripts/conformance

chaos: ## kill, reset and evict the network and the tunnel, and check what everybody saw; ARGS=tunnel for one
	@exec scripts/chaos $(ARGS)

build: ## the Worker alone, into build/
	@scripts/node-tools && scripts/build-worker && scripts/size

dist: ## the command line as static programs for Linux, x86-64 and aarch64, with checksums, in dist/
	@exec scripts/dist

bench: ## measure against the floor and the peers
	@exec scripts/bench $(ARGS)

deploy: ## deploy to Cloudflare: make deploy DOMAIN=example.com
	@exec scripts/deploy

clean: ## remove build results; the cache and local data stay
	rm -rf build dist target fuzz/target
