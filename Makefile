# conv: build, try, test. `make` alone lists the targets.

PORT   ?= 6379
CARGO  ?= cargo
SHELL  := /bin/bash
# The oldest Rust that builds the crate, as Cargo.toml says.
MSRV   := $(shell sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
TARGET := $(or $(CARGO_TARGET_DIR),target)
MODULE := $(TARGET)/release/libconv.so
# Where `make run` keeps its data.
DATA   := $(TARGET)/run
# What `make bench` measures in Python.
VENV   := $(abspath $(TARGET))/bench-venv
REDIS  := $(or $(REDIS_SERVER),redis-server)
# What `make docs` builds the site with, and what `make docs-test` runs the Python examples with.
MDBOOK_VERSION := 0.5.4
TOOLS  := $(abspath $(TARGET))/tools
DOCS_VENV := $(abspath $(TARGET))/docs-venv

.DEFAULT_GOAL := help
# All fuzz targets.
FUZZERS := $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))

.PHONY: help deps build demo test torture fuzz asan run bench bench-pure bench-venv docs docs-test docs-venv clean need-rust first-build

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: need-rust ## install what is missing: redis-server, libclang, a C compiler (Debian, Ubuntu)
	@missing=(); there() { compgen -G "$$1" >/dev/null; }; \
	command -v $(REDIS) >/dev/null || missing+=(redis-server); \
	command -v cc >/dev/null || missing+=(gcc libc6-dev); \
	[ -n "$$LIBCLANG_PATH" ] || { ! command -v apt-get >/dev/null && ldconfig -p 2>/dev/null | grep -q libclang; } \
	  || { there '/usr/lib/llvm*/lib/libclang*.so*' && there '/usr/lib/llvm*/lib/clang/*/include/stddef.h'; } \
	  || missing+=(libclang-dev); \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "Missing: $${missing[*]} (Debian's names). No apt-get here: please install them yourself." >&2; exit 1; fi; \
	sudo=; if [ "$$(id -u)" -ne 0 ]; then sudo=sudo; command -v sudo >/dev/null \
	  || { echo "Missing: $${missing[*]}. Install them as root: apt-get install $${missing[*]}" >&2; exit 1; }; fi; \
	echo "Installing $${missing[*]}"; export DEBIAN_FRONTEND=noninteractive; \
	$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null \
	  || { echo "apt-get could not install: $${missing[*]}" >&2; exit 1; }; \
	echo "Done."

build: deps first-build ## build the module: target/release/libconv.so
	@$(CARGO) build --release --quiet
	@echo "$(MODULE)"

demo: deps first-build ## see it work, on one screen
	@$(CARGO) run --release --quiet --example demo

test: deps ## formatting, lints, all tests
	@if $(CARGO) fmt --version >/dev/null 2>&1; then echo "fmt"; $(CARGO) fmt --check; \
	 else echo "fmt: rustfmt is not installed, skipped"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then echo "clippy"; \
	   $(CARGO) clippy --quiet --all-targets -- -D warnings; \
	 else echo "clippy: not installed, skipped"; fi
	@echo "test"; $(CARGO) test --quiet

torture: deps ## faults under load for MINUTES (30): kill -9, failover, resharding, hostile input (ONLY=cluster)
	@MINUTES=$(or $(MINUTES),30) $(CARGO) test --quiet --test torture -- --ignored --nocapture long

fuzz: need-rust ## fuzz the parts that need no server, SECONDS (60) for each target
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --quiet --locked cargo-fuzz
	@cd fuzz && for target in $(FUZZERS); do \
	  echo "$$target"; mkdir -p corpus/$$target; \
	  RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target -- -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=4096 \
	    -verbosity=0 || exit 1; \
	done

asan: need-rust ## the tests of servers with AddressSanitizer: make asan REDIS_SRC=directory of Redis's sources
	@.ci/asan "$(REDIS_SRC)"

run: build ## a server with the module in the foreground, on PORT (6379), loopback only
	@if (exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null; then \
	  echo "Port $(PORT) is in use (Debian's redis-server package starts a server on 6379). Try: make run PORT=6380" >&2; \
	  exit 1; fi
	@mkdir -p $(DATA)
	@echo "conv on redis://127.0.0.1:$(PORT), data in $(DATA), Ctrl-C ends it"
	@sed '/^loadmodule /d' redis.conf.example | $(REDIS) - --loadmodule $(abspath $(MODULE)) \
	  --bind 127.0.0.1 --port $(PORT) --dir $(abspath $(DATA))

bench: deps bench-venv ## beside what one would use instead, on a server; 10 minutes (ROWS="recent append", ROUNDS=5)
	@BENCH_PYTHON=$(VENV)/bin/python $(CARGO) bench --quiet --bench side_by_side

bench-pure: deps ## measure the parts that need no server (criterion)
	@$(CARGO) bench --bench pure

# Without Python or its packages the lines that need them are left out, and say so.
bench-venv:
	@[ -e $(VENV)/ready2 ] || { python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet 'redis[hiredis]' tiktoken orjson \
	  && touch $(VENV)/ready2; } || echo "No Python environment: its lines will be missing." >&2

docs: need-rust ## the documentation as a site: target/book/index.html
	@$(TOOLS)/bin/mdbook --version 2>/dev/null | grep -qx "mdbook v$(MDBOOK_VERSION)" \
	  || { echo "Installing mdbook $(MDBOOK_VERSION); a few minutes, the first time only ..."; \
	       $(CARGO) install --quiet --locked --root $(TOOLS) --no-default-features --features search \
	         --version $(MDBOOK_VERSION) mdbook; }
	@$(TOOLS)/bin/mdbook build --dest-dir $(abspath $(TARGET))/book
	@echo "$(TARGET)/book/index.html"

docs-test: deps docs-venv ## run all examples in the documentation
	@CONV_DOCS_PYTHON=$(DOCS_VENV)/bin/python $(CARGO) test --quiet --test docs

docs-venv:
	@[ -e $(DOCS_VENV)/ready ] || { python3 -m venv $(DOCS_VENV) \
	  && $(DOCS_VENV)/bin/pip install --quiet 'redis[hiredis]==8.1.0' 'tiktoken==0.14.0' 'langchain-community==0.4.2' \
	  && touch $(DOCS_VENV)/ready; }

clean: ## remove all that was built, and the data of `make run`
	@$(CARGO) clean --quiet

need-rust:
	@command -v $(CARGO) >/dev/null \
	  || { echo "cargo is missing: install Rust $(MSRV) or newer, see https://rustup.rs" >&2; exit 1; }
	@have=$$(rustc --version | cut -d' ' -f2); \
	[ "$$(printf '%s\n' $(MSRV) "$${have%%-*}" | sort -V | head -1)" = "$(MSRV)" ] \
	  || { echo "rustc $$have is too old: $(MSRV) or newer is needed (rustup update stable)" >&2; exit 1; }

first-build:
	@[ -e $(TARGET)/release/deps/libconv.so ] || echo "Building; a few minutes, the first time only ..."
