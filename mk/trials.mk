# The reliability tests in their long forms; docs/testing.md says what each shows.  Their short forms run in `make check`.

.PHONY: trials trial-t2 trial-t3 trial-t20
TRIALS := t2 t3 t20
TRIAL  = WINNOW_LONG=1 $(RUN_TESTS) --jobs 1 --timeout 7200 --verbose

trials: all ## the long forms of all reliability tests, one after the other (hours)
	for trial in $(TRIALS); do $(MAKE) trial-$$trial || failed="$$failed $$trial"; done; \
	    test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

trial-t2: all ## hostile HTTP/1.1 over TCP, and through the connection core
	$(TRIAL) tests/api/test_http_vectors.py
trial-t3: all ## request smuggling through nginx and HAProxy
	$(TRIAL) tests/api/test_smuggling.py
trial-t20: all ## clients that leave
	$(TRIAL) tests/api/test_disconnects.py tests/api/test_connections.py
