# Winnow's build.  `make help` lists the targets.  Everything is made below build/VARIANT.
# VARIANT: release (default), debug, asan (with UBSan), tsan, cover.  CC: gcc or clang.

VARIANT ?= release
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
AR      := $(if $(filter default,$(origin AR)),gcc-ar,$(AR))
PYTHON  ?= python3
PREFIX  ?= /usr/local
DESTDIR ?=
SHARED  ?= ../shared
VENV    ?= .venv
B       ?= build/$(VARIANT)$(if $(findstring afl-,$(CC)),-afl,$(if $(findstring clang,$(CC)),-clang))

VERSION := $(shell sed -n 's/^.define WN_VERSION "\(.*\)"/\1/p' include/winnow.h)
SOVERSION := 0

PACKAGES := jansson libutf8proc libpcre2-8
SERVE_PACKAGES := libevent libevent_pthreads libevent_openssl libssl libcrypto sqlite3 yaml-0.1 libseccomp
HUB_PACKAGES := libcurl # headers; the library is loaded when it is needed
MISSING  := $(shell for p in $(PACKAGES) $(SERVE_PACKAGES) $(HUB_PACKAGES); do pkg-config --exists $$p || echo $$p; done)
ifneq ($(MISSING),)
ifeq ($(filter help clean,$(MAKECMDGOALS)),)
$(error missing development packages: $(MISSING); install what deps/debian.txt lists, or use ./dev)
endif
endif
# A compiler knows its own machine's headers; another machine's would mislead one that compiles for aarch64.
PKG_CFLAGS := $(filter-out -I/usr/include/%-linux-gnu,$(shell pkg-config --cflags $(PACKAGES) $(SERVE_PACKAGES) $(HUB_PACKAGES) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
SERVE_LIBS := $(shell pkg-config --libs $(SERVE_PACKAGES) 2>/dev/null) -lhttp_parser

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wwrite-strings -Wundef -Werror
# Of some flags those that the compiler knows: clang 14 lacks the last one, Arm the one before.
accepted = $(foreach f,$(1),$(shell $(CC) -Werror $(f) -fsyntax-only -x c /dev/null 2>/dev/null && echo $(f)))
HARDEN := -fstack-protector-strong $(call accepted,-fstack-clash-protection -fcf-protection \
          -ftrivial-auto-var-init=zero)
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=3 $(HARDEN)
FLAGS_debug   := -O0 -g3 $(HARDEN)
FLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
FLAGS_cover   := -O0 -g --coverage
# Apart, as AFL++ takes the first one for itself and leaves the others to the compiler.
FLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link -fsanitize=address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
# Their run-time libraries need files and system calls that the sandbox takes away.
CPPFLAGS_asan := -DWN_INSTRUMENTED
CPPFLAGS_tsan := -DWN_INSTRUMENTED
CPPFLAGS_cover := -DWN_INSTRUMENTED
ifeq ($(FLAGS_$(VARIANT)),)
$(error unknown VARIANT '$(VARIANT)', expected release, debug, asan, tsan, cover or fuzz)
endif
# -ffp-contract=off: a score must not depend on which multiplications a compiler fuses.
CFLAGS  += -std=c11 $(WARN) $(FLAGS_$(VARIANT)) -fPIC -fvisibility=hidden -ffp-contract=off \
           -ffile-prefix-map=$(CURDIR)=. -pthread
CPPFLAGS += -Iinclude -Isrc -I. -I$(B)/gen $(PKG_CFLAGS) $(CPPFLAGS_$(VARIANT))
LDFLAGS += $(filter -fsanitize=% --coverage,$(FLAGS_$(VARIANT))) -pthread -Wl,-z,relro,-z,now,-z,noexecstack \
           -Wl,--build-id=sha1
LIBS    := $(PKG_LIBS) -lm
PROG_LIBS := $(SERVE_LIBS) $(LIBS)

# Instruction-set flags belong to the folder of their level and to nothing else.
ISA_scalar := -O2
ISA_avx2   := -O3 -mavx2 -mfma -mf16c
ISA_avxvnni := -O3 -mavx2 -mfma -mf16c -mavxvnni
ISA_avx512 := -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512
ISA_avx512vnni := -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx2 -mfma -mf16c -mprefer-vector-width=512
ISA_avx512bf16 := -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16 -mavx2 -mfma -mf16c -mprefer-vector-width=512
ISA_amx    := -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16 -mavx2 -mfma -mf16c -mprefer-vector-width=512 -mavx512fp16 -mamx-tile -mamx-int8 -mamx-bf16
# Tiles that fill the registers are written in the order that needs no more of them.
IN_ORDER := $(call accepted,-fno-schedule-insns)
ISA_neon      := -O3 -DWN_VEC_NEON
ISA_dotprod   := -O3 -DWN_VEC_NEON -march=armv8.2-a+dotprod $(IN_ORDER)
ISA_i8mm      := -O3 -DWN_VEC_NEON -march=armv8.2-a+dotprod+i8mm $(IN_ORDER)
ISA_neonbf16  := -O3 -DWN_VEC_NEON -march=armv8.2-a+dotprod+i8mm+bf16 $(IN_ORDER)

ARCH      := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
LEVELS_x86_64 := kernel/avx2 kernel/avxvnni kernel/avx512 kernel/avx512vnni kernel/avx512bf16 kernel/amx
LEVELS_aarch64 := kernel/neon kernel/dotprod kernel/i8mm kernel/neonbf16
LIB_DIRS  := base data kernel kernel/scalar $(LEVELS_$(ARCH)) compute token model rank
PROG_DIRS := eval bench hub serve cli
src_of     = $(sort $(wildcard $(addsuffix /*.c,$(addprefix src/,$(1)))))
obj_of     = $(patsubst %.c,$(B)/%.o,$(1))
LIB_SRC   := $(call src_of,$(LIB_DIRS))
PROG_SRC  := $(filter-out src/cli/main.c,$(call src_of,$(PROG_DIRS)))
CODE_OBJ  := $(call obj_of,$(LIB_SRC))
LIB_OBJ   := $(CODE_OBJ) $(B)/builtin.o
PROG_OBJ  := $(call obj_of,$(PROG_SRC)) $(B)/web.o

TEST_SUPPORT := $(call obj_of,$(sort $(wildcard tests/support/*.c)))
TEST_SRC  := $(sort $(wildcard tests/*/test_*.c tests/unit/*/test_*.c))
TESTS     := $(patsubst %.c,$(B)/%,$(TEST_SRC))
SCRIPTS   := $(sort $(wildcard tests/*/test_*.sh tests/*/test_*.py))
FUZZ_SRC  := $(filter-out fuzz/replay.c,$(sort $(wildcard fuzz/*.c)))
REPLAYS   := $(patsubst fuzz/%.c,$(B)/fuzz/replay_%,$(FUZZ_SRC))

comma := ,

.DELETE_ON_ERROR:
V ?= 0
Q  = $(if $(filter 0,$(V)),@printf '  %-4s %s\n' $(1) $@;,)
.SECONDARY:
.PHONY: all run lib help

all: $(B)/winnow lib ## build the program and the library (VARIANT=release|debug|asan|tsan)

run: $(B)/winnow ## start the server on 127.0.0.1:8080 with the built-in model
	$(B)/winnow serve $(ARGS)

lib: $(B)/libwinnow.a $(B)/libwinnow.so.$(VERSION)

help: ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	    awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

# ---- compiling ---------------------------------------------------------------------------------

# The sums of a tile are arrays that are filled at once and never leave the registers; zeroed first, they
# would be memory that each tile clears.
OWN_INIT := $(call accepted,-ftrivial-auto-var-init=uninitialized)
level_flags = $(if $(ISA_$(1)),$(OWN_INIT) $(ISA_$(1)))

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call Q,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(call level_flags,$(notdir $(patsubst %/,%,$(dir $<)))) -MMD -MP -c $< -o $@

# The built-in model: the files of models/default, byte for byte, behind start and end symbols.
BUILTIN_FILES := $(wildcard models/default/config.json models/default/tokenizer.json \
                   models/default/tokenizer_config.json models/default/model.safetensors \
                   models/default/reference.jsonl models/default/MODEL_CARD.md)
$(B)/gen/builtin.S: tools/make_builtin.py $(BUILTIN_FILES) Makefile
	@mkdir -p $(@D)
	$(call Q,GEN)$(PYTHON) tools/make_builtin.py $(BUILTIN_FILES) > $@
$(B)/builtin.o: $(B)/gen/builtin.S
	$(call Q,AS)$(CC) -c $< -o $@

# The pages of web/, as they are and compressed.
WEB_FILES := $(sort $(shell find web -type f))
$(B)/gen/web.S: tools/make_web.py $(WEB_FILES) Makefile
	@mkdir -p $(@D)
	$(call Q,GEN)$(PYTHON) tools/make_web.py web $(B)/gen/web > $@
$(B)/web.o: $(B)/gen/web.S
	$(call Q,AS)$(CC) -c $< -o $@

$(B)/libwinnow.a: $(LIB_OBJ)
	@rm -f $@
	$(call Q,AR)$(AR) rcsD $@ $^
$(B)/libprogram.a: $(PROG_OBJ)
	@rm -f $@
	$(call Q,AR)$(AR) rcsD $@ $^
$(B)/libwinnow.so.$(VERSION): $(LIB_OBJ)
	$(call Q,LD)$(CC) -shared -Wl,-soname,libwinnow.so.$(SOVERSION) -Wl,--no-undefined $(LDFLAGS) $^ $(LIBS) -o $@
	@ln -sf $(@F) $(B)/libwinnow.so.$(SOVERSION)
	@ln -sf $(@F) $(B)/libwinnow.so
$(B)/winnow: $(B)/src/cli/main.o $(B)/libprogram.a $(B)/libwinnow.a
	$(call Q,LD)$(CC) -pie $(LDFLAGS) $^ $(PROG_LIBS) -o $@

# ---- tests -------------------------------------------------------------------------------------

# Tests share one copy of the built-in model, so that each of them is small.
$(B)/libcode.a: $(CODE_OBJ)
	@rm -f $@
	$(call Q,AR)$(AR) rcsDT $@ $^
$(B)/libbuiltin.so: $(B)/gen/builtin.S
	$(call Q,LD)$(CC) -shared -nostdlib -Wl,-soname,$(@F) -DSHARED $< -o $@
TEST_LIBS  := $(B)/libprogram.a $(B)/libcode.a $(B)/libbuiltin.so
TEST_FLAGS := $(LDFLAGS) -Wl,-rpath,$(abspath $(B))

$(B)/tests/%: $(B)/tests/%.o $(TEST_SUPPORT) $(TEST_LIBS)
	$(call Q,LD)$(CC) $(TEST_FLAGS) $^ -lcmocka $(PROG_LIBS) -o $@
# Allocation-failure tests wrap the allocator at link time.
WRAPPED := malloc calloc realloc aligned_alloc free pthread_create
$(B)/tests/fault/%: $(B)/tests/fault/%.o $(B)/tests/fault/fault.o $(TEST_SUPPORT) $(TEST_LIBS)
	$(call Q,LD)$(CC) $(TEST_FLAGS) $(addprefix -Wl$(comma)--wrap=,$(WRAPPED)) $^ -lcmocka $(PROG_LIBS) -o $@

$(B)/fuzz/replay_%: $(B)/fuzz/%.o $(B)/fuzz/replay.o $(TEST_LIBS)
	$(call Q,LD)$(CC) $(TEST_FLAGS) $^ $(PROG_LIBS) -o $@
$(B)/fuzz/fuzz_%: $(B)/fuzz/%.o $(TEST_LIBS)
	$(call Q,LD)$(CC) -fsanitize=fuzzer $(TEST_FLAGS) $^ $(PROG_LIBS) -o $@

# ---- installing --------------------------------------------------------------------------------

.PHONY: install clean
clean: ## remove build/
	rm -rf build

-include $(wildcard mk/*.mk)
-include $(shell find $(B) -name '*.d' 2>/dev/null)
