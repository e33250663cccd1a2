# The reliability tests in their long forms; docs/testing.md says what each shows.  Their short forms run in `make check`.

TRIALS := t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 t14 t15 t16 t17 t18 t19 t20 t22 t25
.PHONY: trials $(TRIALS:%=trial-%)
TRIAL  = WINNOW_LONG=1 $(RUN_TESTS) --jobs 1 --timeout 7200 --verbose
LOAD   = WINNOW=$(abspath $(B)/winnow) $(PYTHON)
MODEL_FILES := safetensors_file tokenizer_json config_json
FUZZ_EACH = for target in $(1); do $(MAKE) fuzz T=$$target || exit 1; done

trials: all ## the long forms of all reliability tests, one after the other (hours)
	for trial in $(TRIALS); do $(MAKE) trial-$$trial || failed="$$failed $$trial"; done; \
	    test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

trial-t1: all ## what is JSON and what is not
	$(TRIAL) tests/api/test_json_vectors.py
trial-t2: all ## hostile HTTP/1.1 over TCP
	$(TRIAL) tests/api/test_http_vectors.py
trial-t3: all ## request smuggling through nginx and HAProxy
	$(TRIAL) tests/api/test_smuggling.py
trial-t4 trial-t22: all ## three servers behind HAProxy: HTTP/2, restarts, reloads, another model, 50,000 requests
	$(TRIAL) tests/api/test_proxies.py
	$(LOAD) tests/serve/rolling.py
trial-t5: ## 20,000 requests with hostile values under ASan and UBSan
	$(MAKE) VARIANT=asan all
	WINNOW_CASES=20000 $(MAKE) VARIANT=asan trial-api-values
.PHONY: trial-api-values
trial-api-values: all
	$(TRIAL) tests/api/test_openapi_cases.py
trial-t6: all ## texts as they should never come
	$(TRIAL) tests/api/test_texts.py
trial-t7: all ## every route without a valid key
	$(TRIAL) tests/api/test_auth_matrix.py
trial-t8: all $(B)/tests/serve/test_key_timing ## time and memory accesses of looking at a key
	$(TRIAL) $(B)/tests/serve/test_key_timing tests/serve/test_key_memcheck.sh
trial-t9: all ## a thousand slow clients of each kind
	$(TRIAL) tests/api/test_slow_clients.py
trial-t10: all ## TLS as scanners see it, and reloads under load
	$(TRIAL) tests/api/test_tls.py tests/api/test_operations.py
trial-t11: ## fuzz the readers of model files, FUZZ_SECONDS each
	$(call FUZZ_EACH,$(MODEL_FILES))
trial-t12: cover-fuzz ## what the corpora run of each parser; fuzz every other parser, FUZZ_SECONDS each
	$(call FUZZ_EACH,$(filter-out $(MODEL_FILES),$(patsubst fuzz/%.c,%,$(FUZZ_SRC))))
trial-t14: all ## kill -9, 300 times
	$(LOAD) tests/serve/kill.py --cycles 300
trial-t15: fault
trial-t15 trial-t16: all ## a system that fails the server: memory, disk, descriptors, calls
	$(TRIAL) tests/api/test_failures.py
trial-t17: all ## the worst legal requests in a memory cgroup
	$(TRIAL) tests/api/test_memory.py
trial-t18: all ## half an hour of mixed load
	$(LOAD) tests/serve/soak.py
trial-t19: all ## five times more load than can be done
	$(LOAD) tests/serve/load.py --phases overload
trial-t20: all ## clients that leave
	$(TRIAL) tests/api/test_disconnects.py tests/api/test_connections.py
trial-t25: all deb image-check ## sandbox, unit, package and image
	$(TRIAL) $(B)/tests/unit/serve/test_sandbox tests/api/test_service_manager.py
