# rt - small Unix programs for real-time systems. `make help` lists what this file does.

# --- what a build is ------------------------------------------------------------------------
# SAN=address,undefined   sanitizers          TEST=1   what only tests may have (test bus, faults)
# COV=1                   gcov                WERROR=1 warnings are errors
PREFIX  ?= /usr/local
CC      ?= cc
TEST    ?=
VERSION := 0.1

ifneq ($(SAN),)
variant := san-$(subst $(empty),,$(SAN))
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

packages := libwebsockets libuv libcurl jansson zlib
CFLAGS   ?= -O2 -g
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
            -Wwrite-strings -Wvla $(if $(WERROR),-Werror)
all_cflags := -std=c11 -D_GNU_SOURCE -DRT_VERSION='"$(VERSION)"' -Ilib -Icmd -fvisibility=hidden \
            $(warnings) $(CFLAGS)
all_ldflags := $(LDFLAGS)
ifneq ($(SAN),)
all_cflags  += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
all_ldflags += -fsanitize=$(SAN)
else
all_cflags  += -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
all_ldflags += -pie -Wl,-z,relro,-z,now
endif
ifneq ($(COV),)
all_cflags  += --coverage -O0
all_ldflags += --coverage
endif
ifneq ($(TEST),)
all_cflags  += -DRT_TEST -Itests
endif

# --- what is built --------------------------------------------------------------------------
lib_src  := $(wildcard lib/*/*.c) $(if $(TEST),$(wildcard tests/support/*.c))
programs := $(patsubst cmd/%.c,%,$(wildcard cmd/rt-*.c))
cmd_src  := $(filter-out $(wildcard cmd/rt-*.c),$(wildcard cmd/*.c))
units    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
obj       = $(patsubst %.c,$B/%.o,$1)
archive  := $B/librtkit.a

.PHONY: all help units clean FORCE
all: $(addprefix $B/,$(programs)) ## build the programs (the default)

units: $(addprefix $B/unit/,$(units)) ## build the unit tests (with TEST=1)

$(archive): $(call obj,$(lib_src))
	@rm -f $@ && ar rcs $@ $^

$(addprefix $B/,$(programs)): $B/%: $B/cmd/%.o $(call obj,$(cmd_src)) $(archive)
	$(CC) $(all_ldflags) -o $@ $^ $(libs)

$(addprefix $B/unit/,$(units)): $B/unit/%: $B/tests/unit/%.o $(archive)
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $^ $(libs)

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(CC) $(all_cflags) $(pkg_cflags) -MMD -MP -c -o $@ $<

ifneq ($(filter-out help clean deps deps-check,$(or $(MAKECMDGOALS),all)),)
pkg_cflags := $(shell pkg-config --cflags $(packages) 2>/dev/null)
libs       := $(shell pkg-config --libs $(packages) 2>/dev/null) -lm -lpthread
endif

# A change of flags rebuilds what it must.
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(all_cflags) $(all_ldflags)' | cmp -s - $@ || \
		echo '$(CC) $(all_cflags) $(all_ldflags)' > $@

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

clean: ## remove build/
	rm -rf build

-include $(patsubst %.o,%.d,$(call obj,$(lib_src) $(cmd_src) $(wildcard cmd/rt-*.c) $(wildcard tests/unit/*.c)))
