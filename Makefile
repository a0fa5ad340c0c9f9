# refit: one Makefile, no configure. `make run` and `make check` do everything, packages included.
#   MODE=release|debug|asan|tsan   CC=gcc|clang   DNNL=1|0   PREFIX, DESTDIR (install)

MODE    ?= release
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
DNNL    ?= 1
PREFIX  ?= /usr/local
VERSION := 0.1.0
B       := build/$(MODE)$(if $(filter-out 1,$(DNNL)),-nodnnl)$(if $(filter clang%,$(CC)),-clang)

APT := gcc make libc6-dev pkg-config libyaml-dev libcsv-dev libhdf5-dev libopenblas-dev libdnnl-dev libpng-dev \
       libjpeg62-turbo-dev libsqlite3-dev nettle-dev libjansson-dev libarchive-dev libutf8proc-dev libgumbo-dev \
       libstemmer-dev libexif-dev liblcms2-dev libcmocka-dev
APT_check := hdf5-tools python3-h5py sqlite3 strace
APT_lint  := clang clang-format clang-tidy cppcheck

PKGS := yaml-0.1 hdf5 openblas libpng libjpeg sqlite3 nettle jansson libarchive libutf8proc gumbo libexif lcms2
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wformat=2 -Wdouble-promotion
OPT_release := -O3
OPT_debug   := -O1 -Werror
OPT_asan    := -O1 -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan    := -O1 -Werror -fsanitize=thread
CFLAGS       = -std=c17 -g $(WARN) $(OPT_$(MODE)) -pthread
CPPFLAGS    := -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -DREFIT_VERSION='"$(VERSION)"' -DREFIT_DNNL=$(DNNL) \
               -Icommon -I. -MMD -MP $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
# Every program names every library; the linker keeps the ones that it calls, so the runner stays small.
LDFLAGS     := -Wl,--as-needed -pthread
LDLIBS      := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lcsv -lstemmer $(if $(filter 1,$(DNNL)),-ldnnl -lgomp) -lm

LIB_SRC    := $(wildcard common/*/*.c models/*.c models/nn/*.c)
RUNNER_SRC := $(wildcard runner/*.c)
STAGES     := $(patsubst stages/%.c,%,$(wildcard stages/*.c)) $(patsubst stages/%/,%,$(wildcard stages/*/))
HELPERS    := $(patsubst runner/helpers/%.c,%,$(wildcard runner/helpers/*.c))
UNITS      := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
PROGRAMS   := $(B)/bin/refit $(addprefix $(B)/libexec/refit/,$(STAGES) $(HELPERS))
TOOLS      := $(patsubst %.c,$(B)/%,$(wildcard data/*.c bench/*.c tests/tools/*.c))
obj         = $(patsubst %.c,$(B)/obj/%.o,$(1))

.DEFAULT_GOAL := all
.PHONY: all run check bench lint install clean packages test
.SECONDARY:

all: $(PROGRAMS) $(TOOLS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/librefit.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

LINK = @mkdir -p $(@D); echo "link $@"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

$(B)/bin/refit: $(call obj,$(RUNNER_SRC)) $(B)/librefit.a
	$(LINK)

.SECONDEXPANSION:
$(B)/libexec/refit/%: $$(call obj,$$(wildcard stages/$$*.c stages/$$*/*.c runner/helpers/$$*.c)) $(B)/librefit.a
	$(LINK)

RUNNER_TESTED := $(filter-out $(call obj,runner/cli.c),$(call obj,$(RUNNER_SRC)))
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(RUNNER_TESTED) $(B)/librefit.a
	@mkdir -p $(@D); echo "link $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) -lcmocka

$(B)/data/% $(B)/bench/% $(B)/tests/tools/%: $(B)/obj/$$(patsubst $(B)/%,%,$$@).o $(B)/librefit.a
	$(LINK)

clean:
	rm -rf build

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d')

# ---- tests ----------------------------------------------------------------------------------------------------------
.PHONY: test
test: all $(UNITS)
	@CMOCKA_MESSAGE_OUTPUT=TAP BIN=$(B) prove --merge $(PROVEFLAGS) $(UNITS) $(wildcard tests/cli/*.t)
