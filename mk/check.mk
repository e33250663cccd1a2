# Test targets.  `make check` is what a change must pass, `make test` what continuous integration runs.

.PHONY: check test tests-built bit-identity tidy reproducible asan tsan cover valgrind fault replay fuzz

RUN_TESTS = WINNOW=$(abspath $(B)/winnow) WINNOW_BUILD=$(abspath $(B)) WINNOW_SHARED=$(abspath $(SHARED)) \
            $(PYTHON) tools/run_tests.py
TEST_PROGRAMS = $(filter-out $(SKIP),$(TESTS) $(SCRIPTS) $(REPLAYS))

tests-built: all $(TESTS) $(REPLAYS)

tidy: ## check layers, sizes, banned calls, docstrings, headers that do not compile alone
	$(PYTHON) tools/tidy.py

check: tests-built ## everything that runs in minutes: tidy, all tests, fuzz corpora (SKIP="tests/e2e/%")
	$(RUN_TESTS) --tidy $(TEST_PROGRAMS)

test: tests-built ## check, the same programs once more under ASan and UBSan, and a minute of fuzzing for each of five parsers
	$(MAKE) VARIANT=asan tests-built
	if command -v clang > /dev/null; then $(MAKE) CC=clang VARIANT=fuzz $(FUZZ_PARSERS:%=build/fuzz-clang/fuzz/fuzz_%); fi
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN_TESTS) --tidy $(TEST_PROGRAMS) tests/build/reproducible.py tests/build/fuzz_parsers.py \
	    $(patsubst $(B)/%,build/asan/%,$(TESTS) $(REPLAYS))

# Those that tests/build/fuzz_parsers.py runs.
FUZZ_PARSERS := http_bytes api_body tokenizer_json yaml store_rows
FUZZ_SECONDS ?= 60

reproducible: all ## build once more in another folder and compare the bytes
	$(RUN_TESTS) --verbose tests/build/reproducible.py

asan: ## all tests under ASan and UBSan
	$(MAKE) VARIANT=asan check

tsan: ## all tests under TSan
	$(MAKE) VARIANT=tsan check

cover: ## line and branch coverage by folder
	find build/cover -name '*.gcda' -delete 2>/dev/null || true
	-$(MAKE) VARIANT=cover check
	$(PYTHON) tools/coverage.py build/cover

VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,possible
# Smoke tests: what takes seconds natively would take an hour here, and runs under the sanitizers.
VALGRIND_SLOW := %/test_rank %/test_run %/test_normalize %/test_goldens %/test_split %/test_evaluate %/test_scorer \
                 %/test_safetensors
valgrind: all $(TESTS) ## unit tests and the program under memcheck
	$(RUN_TESTS) --under "$(VALGRIND)" \
	    $(filter-out $(VALGRIND_SLOW),$(filter $(B)/tests/unit/%,$(TESTS)))
	echo "a line" | $(VALGRIND) $(B)/winnow rank -q "a line" -f tsv
	$(VALGRIND) $(B)/winnow tokenize --count "some text"

FAULT_TESTS := $(filter $(B)/tests/fault/%,$(TESTS))
fault: $(FAULT_TESTS) ## fail each allocation once, see the right status and no leak
	$(RUN_TESTS) --verbose $(FAULT_TESTS)

replay: $(REPLAYS) ## run every fuzz corpus once
	$(RUN_TESTS) $(REPLAYS)

fuzz: ## libFuzzer on one target: make fuzz T=safetensors FUZZ_SECONDS=3600
	@test -n "$(T)" || { echo "make fuzz T=TARGET, one of: $(patsubst fuzz/%.c,%,$(FUZZ_SRC))"; exit 2; }
	$(MAKE) CC=clang VARIANT=fuzz build/fuzz-clang/fuzz/fuzz_$(T)
	@mkdir -p build/corpus/$(T) fuzz/corpus/$(T)
	build/fuzz-clang/fuzz/fuzz_$(T) -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=4096 \
	    -print_final_stats=1 -artifact_prefix=build/corpus/$(T)- build/corpus/$(T) fuzz/corpus/$(T)

bit-identity: $(B)/tests/golden/test_bit_identity ## pairs in many batches beside the pair alone, every level and dtype (ROUNDS=20)
	WINNOW_TEST_ROUNDS=$(or $(ROUNDS),20) $(RUN_TESTS) --verbose --timeout 3600 $<
