# Tests of the server that need more than a build: client libraries from PyPI, other servers, long runs.

.PHONY: conformance
CLIENTS := build/clients
$(CLIENTS)/.installed: tests/conformance/clients.txt
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/pip install -q -r $<
	touch $@
conformance: $(B)/winnow $(CLIENTS)/.installed ## published client libraries against a running server
	WINNOW=$(abspath $(B)/winnow) $(CLIENTS)/bin/python tests/conformance/run_clients.py $(ARGS)

# What decides about requests and what reads and writes bodies: unit tests run every branch, those
# of tests/fault what lacks memory.
EXPLAIN_TEXT := wn_explain_is_wanted$(comma)n_results_at_most$(comma)push_query$(comma)push_explanation$(comma)wn_explain_find
COVERED := $(addprefix src/serve/,sched.c fair.c gcra.c limiter.c limiter_memory.c limit_reply.c quota.c key_index.c \
             tiers.c accounts.c:wn_accounts_begin$(comma)wn_accounts_charge$(comma)wn_accounts_settle \
             explain.c:$(EXPLAIN_TEXT)$(comma)wn_explain_push \
             api_field.c api_dialect.c problem.c tei_tokens.c) $(wildcard src/serve/dialect_*.c)
COVER_TESTS := $(addprefix build/cover/tests/,$(addprefix unit/serve/test_,sched sched_random sched_rules fair gcra limiter \
                 limit_reply quota key_index tiers accounts explain api_field problem dialects dialect_reading dialect_answers \
                 tei_tokens) $(addprefix fault/test_fault_,dialects serve keys))
.PHONY: cover-serve
cover-serve: ## every branch of scheduler, limits, quotas and dialects is run by their unit tests
	$(MAKE) VARIANT=cover $(COVER_TESTS)
	find build/cover -name '*.gcda' -delete
	$(RUN_TESTS) $(COVER_TESTS)
	$(PYTHON) tools/coverage.py build/cover $(COVERED)
