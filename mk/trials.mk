# The reliability tests in their long forms; docs/testing.md says what each shows.  Their short forms run in `make check`.

TRIALS := t2 t3 t6 t8 t9 t10 t14 t16 t17 t18 t19 t20 t22
.PHONY: trials $(TRIALS:%=trial-%)
TRIAL  = WINNOW_LONG=1 $(RUN_TESTS) --jobs 1 --timeout 7200 --verbose
LOAD   = WINNOW=$(abspath $(B)/winnow) $(PYTHON)

trials: all ## the long forms of all reliability tests, one after the other (hours)
	for trial in $(TRIALS); do $(MAKE) trial-$$trial || failed="$$failed $$trial"; done; \
	    test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

trial-t2: all ## hostile HTTP/1.1 over TCP
	$(TRIAL) tests/api/test_http_vectors.py
trial-t3: all ## request smuggling through nginx and HAProxy
	$(TRIAL) tests/api/test_smuggling.py
trial-t6: all ## texts as they should never come
	$(TRIAL) tests/api/test_texts.py
trial-t8: all $(B)/tests/serve/test_key_timing ## time and memory accesses of looking at a key
	$(TRIAL) $(B)/tests/serve/test_key_timing tests/serve/test_key_memcheck.sh
trial-t9: all ## a thousand slow clients of each kind
	$(TRIAL) tests/api/test_slow_clients.py
trial-t10: all ## TLS as scanners see it, and reloads under load
	$(TRIAL) tests/api/test_tls.py tests/api/test_operations.py
trial-t14: all ## kill -9, 300 times
	$(LOAD) tests/serve/kill.py --cycles 300
trial-t16: all ## a system that fails the server: memory, disk, descriptors, calls
	$(TRIAL) tests/api/test_failures.py
trial-t17: all ## the worst legal requests in a memory cgroup
	$(TRIAL) tests/api/test_memory.py
trial-t18: all ## half an hour of mixed load
	$(LOAD) tests/serve/soak.py
trial-t19: all ## five times more load than can be done
	$(LOAD) tests/serve/load.py --phases overload
trial-t20: all ## clients that leave
	$(TRIAL) tests/api/test_disconnects.py tests/api/test_connections.py
trial-t22: all ## three servers behind HAProxy: restarts, reloads, another model, 50,000 requests
	$(LOAD) tests/serve/rolling.py
