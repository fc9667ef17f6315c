# rt - small Unix programs for real-time systems. `make help` lists what this file does.

# --- what a build is ------------------------------------------------------------------------
#   SAN=address,undefined   sanitizers            TEST=1    what only tests may have
#   COV=1                   coverage              WERROR=1  warnings are errors
#   INSTALL=no              print what is missing instead of installing it      V=1  whole commands
PREFIX  ?= /usr/local
CC      ?= cc
INSTALL ?= yes
VERSION := 0.1

ifneq ($(SAN),)
variant := san-$(SAN)
TEST    := 1
else ifneq ($(COV),)
variant := cov
TEST    := 1
else ifneq ($(TEST),)
variant := test
else
variant := release
endif
B := build/$(variant)

# The family, in the order in which it is told of; what is there is built, installed, and named by -h.
programs   := $(filter $(notdir $(basename $(wildcard cmd/rt-*.c))), \
              rt-serve rt-pub rt-sub rt-presence rt-bench rt-crdt-merge)
packages   := libwebsockets libuv libcurl jansson hiredis
CFLAGS     ?= -O2 -g
warnings   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
              -Wwrite-strings -Wvla $(if $(WERROR),-Werror)
all_cflags := -std=c11 -D_GNU_SOURCE -DRT_VERSION='"$(VERSION)"' -DRT_FAMILY='"$(programs)"' -Ilib -Icmd -fvisibility=hidden \
              $(warnings) $(CFLAGS)
all_ldflags := $(LDFLAGS)
ifneq ($(SAN),)
all_cflags  += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
all_ldflags += -fsanitize=$(SAN)
else
all_cflags  += -fPIE -fstack-protector-strong
all_ldflags += -pie -Wl,-z,relro,-z,now
ifeq ($(COV),)
all_cflags  += -D_FORTIFY_SOURCE=2
endif
endif
ifneq ($(COV),)
all_cflags  += --coverage -O0
all_ldflags += --coverage
endif
ifneq ($(TEST),)
all_cflags  += -DRT_TEST -Itests
endif

# --- what a machine needs: Debian's packages ------------------------------------------------
run_needs   := gcc libc6-dev pkg-config libwebsockets-dev libwebsockets-evlib-uv libuv1-dev \
               libcurl4-openssl-dev libjansson-dev libhiredis-dev curl
check_needs := $(run_needs) bats python3 jq mandoc tmux zsh fish bash-completion \
               procps openssl redis-tools

# What only check-real needs. Where one cannot be had, its part is skipped.
real_needs := chromium python3-venv ca-certificates $(if $(shell command -v npm),,nodejs npm)

# --- what is built --------------------------------------------------------------------------
lib_src  := $(wildcard lib/*/*.c) $(if $(TEST),$(wildcard tests/support/*.c))
cmd_src  := $(filter-out $(wildcard cmd/rt-*.c),$(wildcard cmd/*.c))
units    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
fuzzers  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
manuals  := $(wildcard man/*.[157])
run       = $(if $(V),$2,@echo '  $1 $@' && $2)
obj       = $(patsubst %.c,$B/%.o,$1)
archive  := $B/librtkit.a

.PHONY: all units run demo check check-real bench bench-client bench-crdt soak fuzz completions style cov install uninstall \
	deps deps-check deps-real deps-fuzz help clean FORCE

all: $(addprefix $B/,$(programs)) ## build the programs (the default)

units: $(addprefix $B/unit/,$(units)) $(addprefix $B/fuzz/,$(fuzzers)) ## build the unit tests (with TEST=1)

# What programs share is in it too, so that one links only what it uses.
$(archive): $(call obj,$(lib_src) $(cmd_src))
	@rm -f $@ && ar rcs $@ $^

$(addprefix $B/,$(filter-out rt-crdt-merge,$(programs))): $B/%: $B/cmd/%.o $(archive)
	$(call run,LD,$(CC) $(all_ldflags) -o $@ $^ $(libs))

# Talks to nobody, so it links nothing but libc: that is its start-up time.
$B/rt-crdt-merge: $B/cmd/rt-crdt-merge.o $(archive)
	$(call run,LD,$(CC) $(all_ldflags) -o $@ $^ -lm)

$(addprefix $B/unit/,$(units)): $B/unit/%: $B/tests/unit/%.o $(archive)
	@mkdir -p $(@D)
	$(call run,LD,$(CC) $(all_ldflags) -o $@ $^ $(libs))

$B/bench/load: $(call obj,$(addprefix tests/bench/,peers.c beside.c target.c))
$B/bench/%: $B/tests/bench/%.o $(archive)
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $(filter %.o,$^) $(archive) $(libs)

$(addprefix $B/fuzz/,$(fuzzers)): $B/fuzz/%: $B/tests/fuzz/%.o $B/tests/fuzz/replay.o $(archive)
	@mkdir -p $(@D)
	$(call run,LD,$(CC) $(all_ldflags) -o $@ $^ $(libs))

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(all_cflags) $(pkg_cflags) -MMD -MP -c -o $@ $<)

pkg_cflags = $(eval pkg_cflags := $(shell pkg-config --cflags $(packages)))$(pkg_cflags)
libs       = $(eval libs := $(shell pkg-config --libs $(packages)) -lm -lpthread)$(libs)

# A change of flags rebuilds what it must.
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(all_cflags) $(all_ldflags)' | cmp -s - $@ || \
		echo '$(CC) $(all_cflags) $(all_ldflags)' > $@

# --- first contact ---------------------------------------------------------------------------
run: ## install what is missing, build, serve on 127.0.0.1:8080
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@exec sh tests/first-contact.sh run $B

demo: ## the same as a film: every transport shows what rt-pub sends, then it ends
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@exec sh tests/first-contact.sh demo $B

# --- tests -------------------------------------------------------------------------------------
check: ## install what tests need, build, run every test (SAN= for sanitizers)
	@$(MAKE) --no-print-directory deps-check
	@$(MAKE) --no-print-directory TEST=1 all units
	@exec sh tests/run.sh $(if $(SAN),$B,build/test)

bench: all $B/bench/load $B/bench/limit ## measure rt-serve against the least that is possible, in pairs (ROWS= some, PAIRS=5, OTHER=NAME=COMMAND)
	@exec sh tests/bench/run.sh $B "$(ROWS)"

bench-client: $B/bench/client ## measure a client against a bare reader: CPU a message, memory a connection, connects a second
	@$B/bench/client read && $B/bench/client -c 10000 count

bench-crdt: $B/rt-crdt-merge ## measure rt-crdt-merge against a jansson merge (BIG=10: also with pipes of 10 GB)
	@exec bash tests/bench/crdt.sh $B/rt-crdt-merge

soak: ## each fault with twenty random seeds: an hour or so
	@$(MAKE) --no-print-directory deps-check
	@$(MAKE) --no-print-directory TEST=1 all
	@exec sh tests/soak.sh build/test

# Each target for FUZZ_S seconds, from its corpus; what it finds is left in build/fuzz.
FUZZ_S ?= 600
fuzz: ## fuzz every parser for FUZZ_S=600 seconds (clang's libFuzzer)
	@$(MAKE) --no-print-directory deps-fuzz
	@$(MAKE) --no-print-directory CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' SAN=address,undefined \
		B=build/fuzz build/fuzz/librtkit.a $(addprefix build/fuzz/tests/fuzz/,$(addsuffix .o,$(fuzzers)))
	@for f in $(fuzzers); do mkdir -p build/fuzz/found/$$f && \
		clang -fsanitize=fuzzer,address,undefined -o build/fuzz/$$f build/fuzz/tests/fuzz/$$f.o \
			build/fuzz/librtkit.a $(libs) && \
		build/fuzz/$$f -max_total_time=$(FUZZ_S) -artifact_prefix=build/fuzz/found/ \
			build/fuzz/found/$$f tests/fuzz/corpus/$$f || exit 1; done

cov: ## lines that the tests run: build/cov/*.gcov
	@$(MAKE) --no-print-directory COV=1 all units
	@sh tests/run.sh build/cov || true
	@cd build/cov && find lib -name '*.gcda' -exec gcov -r -s ../.. {} + | \
		awk -F"[ ':%]+" '/^File/ {f = $$2} /^Lines/ && f ~ /^lib/ {printf "%6.2f %% %s\n", $$3, f}' | sort -n

check-real: ## the same with real peers of other registries: browser, npm clients
	@$(MAKE) --no-print-directory deps-check
	@$(MAKE) --no-print-directory deps-real || echo "going on without them"
	@$(MAKE) --no-print-directory TEST=1 all
	@exec sh tests/real/run.sh $(if $(SAN),$B,build/test)

completions: all ## write the completion files of all programs from their option tables
	@for p in $(programs); do for s in bash zsh fish; do \
		$B/$$p --completion $$s > completions/$$p.$$s || exit 1; done; done

style: ## show where the tree differs from .clang-format
	@clang-format --dry-run $(wildcard cmd/*.[ch] lib/*/*.[ch] tests/*/*.[ch])

# --- installing ----------------------------------------------------------------------------------
install: all ## copy programs, manuals and completions below DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(addprefix $B/,$(programs)) $(DESTDIR)$(PREFIX)/bin
	for m in $(manuals); do d=$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}; \
		install -d $$d && install -m 644 $$m $$d; done
	for p in $(programs); do \
		install -D -m 644 completions/$$p.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p; \
		install -D -m 644 completions/$$p.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$p; \
		install -D -m 644 completions/$$p.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$p.fish; done

uninstall: ## remove what install copied
	cd $(DESTDIR)$(PREFIX) && rm -f $(addprefix bin/,$(programs)) \
		$(foreach m,$(notdir $(manuals)),share/man/man$(subst .,,$(suffix $m))/$m) \
		$(foreach p,$(programs),share/bash-completion/completions/$p share/zsh/site-functions/_$p \
		share/fish/vendor_completions.d/$p.fish)

# --- packages ---------------------------------------------------------------------------------------
# Does nothing when nothing is missing; else says what, and installs it as root or through sudo.
define need
@missing=; for p in $(1); do \
	dpkg-query -W -f '$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
[ -z "$$missing" ] && exit 0; \
if ! command -v apt-get >/dev/null; then \
	echo "this is no Debian: make sure that you have what these packages hold:$$missing"; exit 0; fi; \
echo "missing:$$missing"; \
if [ "$(INSTALL)" = no ]; then echo "(INSTALL=no: nothing is installed)"; exit 1; fi; \
sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
try() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; }; \
try 2>/dev/null || { $$sudo apt-get update -qq && try; }
endef

deps:
	$(call need,$(run_needs))

deps-check:
	$(call need,$(check_needs))

deps-real:
	$(call need,$(real_needs))

deps-fuzz:
	$(call need,$(run_needs) clang libclang-rt-14-dev)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

clean: ## remove build/
	rm -rf build

.SECONDARY: $(call obj,$(wildcard tests/bench/*.c))

-include $(patsubst %.o,%.d,$(call obj,$(lib_src) $(cmd_src) $(wildcard cmd/rt-*.c) $(wildcard tests/unit/*.c tests/bench/*.c tests/fuzz/*.c)))
