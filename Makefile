# The commands of the house. `make test` is what CI runs.

CARGO ?= cargo
# The capture that `make run` records from: any pcap or pcapng.
CAPTURE ?= $(firstword $(wildcard pcaps/*inbound*.pcap*) $(wildcard pcaps/*.pcap*))
# How often `make soak` kills and restarts, and how many ways of coming between one another it plays.
KILLS ?= 1000
RESTARTS ?= 100
SEEDS ?= 1000
RUN_DIR := out/run
NAUHURI := target/quick/nauhuri
MDBOOK := target/tools/bin/mdbook
MDBOOK_VERSION := 0.5.4

.DEFAULT_GOAL := help
.PHONY: help run room test lint doc test-unit test-corpus test-live soak deny bench field book dist test-packages test-api setup setup-test man clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Record from a shipped capture and show the recordings
	@test -n "$(CAPTURE)" || { echo "no capture in pcaps/; name one: make run CAPTURE=call.pcap" >&2; exit 2; }
	@test -x $(NAUHURI) || echo "building; the first time this takes some minutes" >&2
	@$(CARGO) build --profile quick --bin nauhuri --no-default-features
	@rm -rf $(RUN_DIR)
	@$(NAUHURI) replay --out $(RUN_DIR) $(CAPTURE)

room: setup ## Open a listening room over the shipped captures, with an account for each role
	@$(CARGO) build --profile quick --bin nauhuri --target-dir target/room
	@NAUHURI=target/room/quick/nauhuri scripts/room

test: setup-test lint doc test-unit test-corpus test-live deny ## Everything CI runs

lint: ## Format and clippy, warnings are errors; with the listening room and without
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --lib --bins --no-default-features -- -D warnings

doc: ## Rustdoc without a broken link
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet

test-unit: ## Unit and integration tests
	$(CARGO) test

test-corpus: ## Captures from the field, in the folder that NAUHURI_CORPUS names
	@if [ -n "$$NAUHURI_CORPUS" ]; then \
	    $(CARGO) test corpus_ -- --ignored; \
	else \
	    echo "corpus: NAUHURI_CORPUS names no folder of captures, so none is tested"; \
	fi

test-live: ## Live capture in namespaces of its own; needs root, or sudo
	@$(CARGO) test --test live --no-run
	@CARGO="$(CARGO)" scripts/test-live

soak: ## Sweeps, erasures and a daemon at once, 1,000 seeds (SEEDS=...); recorders killed under load, 1,000 times (KILLS=...), and handing over under 300 callers, 100 times (RESTARTS=...); as root, or sudo
	NAUHURI_SEEDS="$(SEEDS)" $(CARGO) test --test lifecycle together
	@$(CARGO) test --test live --no-run
	@CARGO="$(CARGO)" NAUHURI_KILLS="$(KILLS)" scripts/test-live soak --nocapture
	@CARGO="$(CARGO)" NAUHURI_RESTARTS="$(RESTARTS)" NAUHURI_CALLERS=300 scripts/test-live calls_run_through_restarts --nocapture

test-api: setup ## What the API's description allows, and does not, against a listening room (schemathesis, from PyPI)
	@$(CARGO) build --profile quick --bin nauhuri --target-dir target/room
	@NAUHURI=target/room/quick/nauhuri scripts/test-api

deny: ## Advisories, licences, sources (cargo-deny, cargo-audit, where installed; tests/licences.rs runs always)
	@if command -v cargo-deny >/dev/null; then \
	    $(CARGO) deny --offline check bans licenses sources; \
	else \
	    echo "cargo-deny: not installed, licences and sources are held by tests/licences.rs"; \
	fi
	@if command -v cargo-audit >/dev/null && [ -n "$$NAUHURI_ADVISORIES" ]; then \
	    $(CARGO) audit --db "$$NAUHURI_ADVISORIES" --no-fetch --stale; \
	else \
	    echo "advisories: not looked at (cargo-audit, and NAUHURI_ADVISORIES with a clone of the RustSec database)"; \
	fi

bench: ## Benchmarks: the core in pieces, lists against crates, the whole recorder, the store; a quarter of an hour, 8 GB of disk
	$(CARGO) bench --bench core --bench listing --bench whole --bench store --bench million

field: ## What the field sends, by the ten thousand: calls that share addresses, attacks, and a day of every kind
	$(CARGO) bench --bench strangers --bench attacker --bench day

book: ## The documentation as a book with a search, into target/book
	@[ "$$($(MDBOOK) --version 2>/dev/null)" = "mdbook v$(MDBOOK_VERSION)" ] || { \
	    echo "installing mdbook $(MDBOOK_VERSION) into target/tools; this takes some minutes" >&2; \
	    $(CARGO) install mdbook --version "=$(MDBOOK_VERSION)" --locked --no-default-features --features search \
	        --root target/tools --target-dir target/mdbook && rm -rf target/mdbook; }
	@$(MDBOOK) build docs
	@echo target/book/index.html

dist: ## Packages (deb, rpm, archive, container image), bill of materials (CycloneDX) and checksums into dist/
	CARGO="$(CARGO)" scripts/dist

test-packages: ## The packages in a Debian of their own: install, upgrade, remove, purge; as root
	CARGO="$(CARGO)" scripts/test-packages

setup: ## Install what building and running need
	scripts/setup

setup-test: ## Install what testing needs as well
	scripts/setup test

man: ## Man pages and completions into target/manual
	@$(CARGO) run --quiet -- manual --out target/manual
	@find target/manual -type f | sort

clean: ## Remove build output and test recordings
	$(CARGO) clean
	rm -rf out dist
