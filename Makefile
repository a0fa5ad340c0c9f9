# refit: one Makefile, no configure. `make run` and `make check` do everything, packages included.
#   MODE=release|debug|asan|tsan   CC=gcc|clang   DNNL=1|0   WEBP=1|0   PREFIX, DESTDIR (install)

MODE    ?= release
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
DNNL    ?= 1
WEBP    := $(shell pkg-config --exists libwebp libwebpdemux 2>/dev/null && echo 1 || echo 0)
PREFIX  ?= /usr/local
VERSION := 0.1.0
JOBS    := $(shell nproc)
B       := build/$(MODE)$(if $(filter-out 1,$(DNNL)),-nodnnl)$(if $(filter clang%,$(CC)),-clang)

APT := gcc make libc6-dev pkg-config libyaml-dev zlib1g-dev libhdf5-dev libopenblas-dev libdnnl-dev libpng-dev \
       libjpeg62-turbo-dev libsqlite3-dev libpq-dev nettle-dev libexpat1-dev libjansson-dev libarchive-dev libutf8proc-dev libgumbo-dev \
       libstemmer-dev liblcms2-dev libwebp-dev libcurl4-openssl-dev libsodium-dev libcmocka-dev
APT_check := tzdata perl hdf5-tools python3-h5py strace
APT_s3    := radosgw ceph-mon ceph-osd ceph-common awscli s3cmd libfaketime
APT_lint  := clang clang-format clang-tidy cppcheck
APT_fuzz  := clang libclang-rt-14-dev
APT_bench := python3-pandas python3-pil python3-sklearn libvips-tools python3-opencv python3-torch libopenblas0-openmp ninja-build snakemake strace

PKGS := yaml-0.1 hdf5 zlib openblas libpng libjpeg sqlite3 nettle jansson libarchive libutf8proc gumbo lcms2 libcurl libpq expat \
        libsodium \
        $(if $(filter 1,$(WEBP)),libwebp libwebpdemux)
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wformat=2 -Wdouble-promotion -Werror=implicit-function-declaration
OPT_release := -O3
OPT_debug   := -O1 -Werror
OPT_asan    := -O1 -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan    := -O1 -Werror -fsanitize=thread
OPT_fuzz    := -O1 -Werror -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
# No fused multiply-add behind our back (clang's default): results have the same bits on every CPU. Nobody reads errno after
# sqrt(), and where it need not be set a loop over square roots is SIMD code.
CFLAGS       = -std=c17 -ffp-contract=off -fno-math-errno -g $(WARN) $(OPT_$(MODE)) -pthread
CPPFLAGS    := -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -DREFIT_VERSION='"$(VERSION)"' -DREFIT_DNNL=$(DNNL) \
               -DREFIT_WEBP=$(WEBP) -Icommon -I. -MMD -MP $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
# Every program names every library; the linker keeps the ones that it calls, so the runner stays small.
LDFLAGS     := -Wl,--as-needed -pthread
LDLIBS      := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lstemmer $(if $(filter 1,$(DNNL)),-ldnnl -lgomp) -lm

LIB_SRC    := $(wildcard common/*/*.c models/*.c models/*/*.c)
RUNNER_SRC := $(filter-out runner/helpers/%,$(wildcard runner/*/*.c))
STAGES     := $(patsubst stages/%.c,%,$(wildcard stages/*.c)) $(patsubst stages/%/,%,$(wildcard stages/*/))
HELPERS    := $(patsubst runner/helpers/%.c,%,$(wildcard runner/helpers/*.c)) \
              $(patsubst runner/helpers/%/,%,$(wildcard runner/helpers/*/))
SERVE      := $(patsubst serve/%.c,%,$(wildcard serve/*.c)) $(patsubst serve/%/,%,$(wildcard serve/*/))
UNITS      := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
PROGRAMS   := $(if $(wildcard runner/cli/cli.c),$(B)/bin/refit) $(addprefix $(B)/libexec/refit/,$(STAGES) $(HELPERS)) \
              $(SERVE:%=$(B)/bin/refit-%)
TOOLS      := $(patsubst %.c,$(B)/%,$(wildcard data/*.c bench/*.c tests/tools/*.c))
obj         = $(patsubst %.c,$(B)/obj/%.o,$(1))

.DEFAULT_GOAL := all
.PHONY: all run check check-s3 check-long clockwalk-long check-valgrind check-nopidfd check-onnx test bench lint fuzz fuzzers fuzz-run fuzz-long install uninstall clean packages
.SECONDARY:

# What a person calls by hand besides refit itself, and what is a stage, too: NAME of the link, where it points.
LINKS      := bin/refit-train:../libexec/refit/train
ifneq ($(filter predict,$(SERVE)),)
LINKS      += libexec/refit/predict:../../bin/refit-predict
endif
link_to     = ln -sf $(word 2,$(subst :, ,$(1))) $(2)/$(firstword $(subst :, ,$(1)))

all: $(PROGRAMS) $(TOOLS)
	@$(foreach l,$(LINKS),$(call link_to,$(l),$(B));)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D); echo "cc $<"; $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/librefit.a: $(call obj,$(LIB_SRC))
	@rm -f $@; $(AR) rcs $@ $^

LINK = @mkdir -p $(@D); echo "link $@"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

$(B)/bin/refit: $(call obj,$(RUNNER_SRC)) $(B)/librefit.a
	$(LINK)

.SECONDEXPANSION:
$(B)/libexec/refit/%: $$(call obj,$$(wildcard stages/$$*.c stages/$$*/*.c runner/helpers/$$*.c \
                       runner/helpers/$$*/*.c)) $(B)/librefit.a
	$(LINK)
$(B)/bin/refit-%: $$(call obj,$$(wildcard serve/$$*.c serve/$$*/*.c)) $(B)/librefit.a
	$(LINK)
# What it shares with the runner.
$(B)/libexec/refit/refit-notify: $(call obj,$(addprefix runner/read/,path.c probe.c reference.c secret.c) \
                                                $(addprefix runner/execute/,encode.c mask.c spawn.c vfork.c))

$(B)/librunner.a: $(filter-out $(call obj,runner/cli/cli.c),$(call obj,$(RUNNER_SRC)))
	@rm -f $@; $(AR) rcs $@ $^

$(B)/tests/%: $(B)/obj/tests/unit/%.o $(B)/librunner.a $(B)/librefit.a
	@mkdir -p $(@D); echo "link $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) $(if $(filter 1,$(WEBP)),-lwebpmux) -lcmocka

$(B)/data/%: $$(call obj,data/$$*.c $$(wildcard data/$$*/*.c)) $(B)/librefit.a
	$(LINK)
$(B)/tests/oracle/%: $(B)/obj/tests/oracle/%.o $(B)/librunner.a $(B)/librefit.a
	$(LINK)
# The stage of the bench is as small as a program can be, whatever the mode.
$(B)/bench/byte: bench/byte.c
	@mkdir -p $(@D); echo "link $@"; $(CC) -std=c17 -D_POSIX_C_SOURCE=200809L $(WARN) -O2 -static -o $@ $<
$(B)/bench/%: $(B)/obj/bench/%.o $(B)/librefit.a
	$(LINK)
$(B)/tests/tools/%: $$(call obj,tests/tools/$$*.c $$(wildcard tests/tools/$$*/*.c)) $(B)/librefit.a
	$(LINK)

# ---- what a user runs -----------------------------------------------------------------------------------------------
# Packages come first and make starts again, because pkg-config may not have been there when this file was read.
run: packages
	@$(MAKE) --no-print-directory -j$(JOBS) all
	$(B)/bin/refit run $(RUNFLAGS)

packages:
	@tests/packages.sh $(APT)

# ---- proof ----------------------------------------------------------------------------------------------------------
check:
	@tests/packages.sh $(APT) $(APT_check)
	@$(MAKE) --no-print-directory -j$(JOBS) test

ORACLES := $(patsubst %.c,$(B)/%,$(wildcard tests/oracle/*.c))
TESTS ?= $(UNITS) $(wildcard tests/cli/*.t tests/oracle/*.t)
# The fuzz targets are compiled, so that they keep pace with what they call.
test: all $(UNITS) $(ORACLES) $(call obj,$(wildcard tests/fuzz/*.c))
	@BIN=$(B) tests/run.sh $(TESTS)

# The tests that need an S3 server, with one: in `make check` they are skipped where there is none, and s3.t needs none.
check-s3:
	@tests/packages.sh $(APT) $(APT_check) $(APT_s3)
	@$(MAKE) --no-print-directory -j$(JOBS) test TESTS='$(wildcard tests/cli/s3_*.t)'

# What takes too long for every commit, one target a line.
LONG := clockwalk-long check-valgrind check-nopidfd check-onnx
check-long: check $(LONG)
clockwalk-long: $(B)/tests/oracle/clockwalk
	$< 1

# The runner under valgrind, which stands in a second bin directory; what it starts runs as ever. 99: a finding.
VALGRIND_TESTS ?= run compare daemon tick stop retry conditions approve gc notify
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible \
            --log-file=$(CURDIR)/$(B)/valgrind/log.%p
check-valgrind: all
	@tests/packages.sh $(APT) $(APT_check) valgrind
	@rm -rf $(B)/valgrind; mkdir -p $(B)/valgrind/bin; ln -s ../libexec ../tests $(B)/valgrind
	@printf '#!/bin/sh\nexec %s "$$@"\n' '$(VALGRIND) $(CURDIR)/$(B)/bin/refit' >$(B)/valgrind/bin/refit
	@chmod +x $(B)/valgrind/bin/refit
	@BIN=$(B)/valgrind tests/run.sh $(VALGRIND_TESTS:%=tests/cli/%.t); status=$$?; \
	    if cat $(B)/valgrind/log.* | grep '^=='; then exit 1; fi; exit $$status

# The same tests as if the kernel had no pidfd_open.
check-nopidfd: all
	@$(B)/tests/tools/nopidfd 38 env BIN=$(B) tests/run.sh $(VALGRIND_TESTS:%=tests/cli/%.t)

# What refit-models export writes, computed by another's engine.
check-onnx: all $(B)/tests/tools/onnx_rows
	@command -v npm >/dev/null || tests/packages.sh nodejs npm
	@npm install --silent --prefix build/onnx --no-save --ignore-scripts onnxruntime-node
	@MODULES=$(CURDIR)/build/onnx BIN=$(B) tests/run.sh tests/onnx/onnx.t

lint:
	@tests/packages.sh $(APT) $(APT_lint)
	@tests/lint.sh

# FUZZ_SECONDS for each reader of outside bytes; findings and log stay in build/fuzz-clang/<parser>/.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%/fuzz,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 600
$(B)/%/fuzz: $(B)/obj/tests/fuzz/%.o $(B)/librunner.a $(B)/librefit.a
	@mkdir -p $(@D)/corpus; echo "link $@"
	@$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
fuzzers: $(FUZZERS) $(B)/seeds
# What they begin with: small good files, so that the changes to them reach what lies behind the headers.
$(B)/seeds: $(B)/tests/tools/seeds $(wildcard data/schemas/*.yaml pipelines/*.yaml models/presets/*.yaml)
	@rm -rf $@; $< $@
	@mkdir $@/schema $@/manifest $@/spec
	@cp data/schemas/*.yaml $@/schema; cp pipelines/*.yaml $@/manifest; cp models/presets/*.yaml $@/spec
# Loops unrolled many times over numbers of our own: with sanitizers clang takes 10 minutes and 800 MB for this file.
$(B)/obj/models/nn/packed_avx512.o: OPT_fuzz += -fno-sanitize=all
fuzz:
	@tests/packages.sh $(APT) $(APT_fuzz)
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=fuzz CC=clang fuzz-run
fuzz-run: fuzzers
	@set -e; for f in $(FUZZERS); do echo "== $$f"; d=$$(dirname $$f); \
	    $$f -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
	    -artifact_prefix=$$d/ $$d/corpus $$(ls -d $(B)/seeds/$${d##*/} 2>/dev/null) >$$d/log 2>&1 || \
    { tail -40 $$d/log; exit 1; }; tail -5 $$d/log; done
fuzz-long:
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=3600

# TITANIC=titanic.csv BIKE=hour.csv: data that is not ours to commit, for bench/figures.sh.
bench:
	@tests/packages.sh $(APT) $(APT_bench) $(APT_s3)
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@BIN=$(B) bench/run.sh
	@BIN=$(B) bench/tables.sh
	@BIN=$(B) bench/trees.sh
	@BIN=$(B) bench/tabular.sh
	@BIN=$(B) TITANIC=$(TITANIC) BIKE=$(BIKE) bench/figures.sh
	@BIN=$(B) bench/train.sh
	@BIN=$(B) bench/predict.sh
	@BIN=$(B) bench/preprocess.sh
	@BIN=$(B) bench/orchestrate.sh
	@BIN=$(B) bench/s3.sh

# ---- installation ---------------------------------------------------------------------------------------------------
COMPLETIONS := share/bash-completion/completions share/zsh/site-functions

install: all
	docs/man.sh $(B) $(B)/man
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin libexec/refit share/refit/presets share/man/man1 \
	    $(COMPLETIONS))
	cd $(B)/man && install -m 644 *.1 $(abspath $(DESTDIR)$(PREFIX))/share/man/man1
	install -m 755 $(filter $(B)/bin/%,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(filter $(B)/libexec/%,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/libexec/refit
	$(foreach l,$(LINKS),$(call link_to,$(l),$(DESTDIR)$(PREFIX));)
	install -m 644 models/presets/*.yaml $(DESTDIR)$(PREFIX)/share/refit/presets
	$(B)/bin/refit completion bash >$(DESTDIR)$(PREFIX)/$(word 1,$(COMPLETIONS))/refit
	$(B)/bin/refit completion zsh >$(DESTDIR)$(PREFIX)/$(word 2,$(COMPLETIONS))/_refit

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/$(word 1,$(COMPLETIONS))/refit $(DESTDIR)$(PREFIX)/$(word 2,$(COMPLETIONS))/_refit
	rm -f $(patsubst $(B)/%,$(DESTDIR)$(PREFIX)/%,$(filter $(B)/bin/%,$(PROGRAMS))) $(DESTDIR)$(PREFIX)/bin/refit-train
	rm -rf $(DESTDIR)$(PREFIX)/libexec/refit $(DESTDIR)$(PREFIX)/share/refit \
	    $(DESTDIR)$(PREFIX)/share/man/man1/refit.1 $(DESTDIR)$(PREFIX)/share/man/man1/refit-*.1

clean:
	rm -rf build

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d')

print-cppflags:
	@echo $(filter-out -MMD -MP,$(CPPFLAGS))
