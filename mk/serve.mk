# Tests of the server that need more than a build: client libraries from PyPI, other servers, long runs.

.PHONY: conformance
CLIENTS := build/clients
$(CLIENTS)/.installed: tests/conformance/clients.txt
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/pip install -q -r $<
	touch $@
conformance: $(B)/winnow $(CLIENTS)/.installed ## published client libraries against a running server
	WINNOW=$(abspath $(B)/winnow) $(CLIENTS)/bin/python tests/conformance/run_clients.py $(ARGS)
