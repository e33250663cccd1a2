# The pages in a real browser: what their tests need from PyPI, pictures of every page, and figures.

.PHONY: screenshots measure-pages
TEST_PYTHON := build/test-python
$(TEST_PYTHON)/.installed: deps/python-test.txt
	@rm -rf $(TEST_PYTHON)
	@$(PYTHON) -m pip install -q --disable-pip-version-check --root-user-action ignore --retries 1 --timeout 10 \
	    --target $(TEST_PYTHON) -r $< && touch $@ || \
	    { rm -rf $(TEST_PYTHON); echo "no packages of $<: the tests of the pages are skipped"; }
check test: $(TEST_PYTHON)/.installed

ON_PAGES = WINNOW=$(abspath $(B)/winnow) $(PYTHON)
screenshots: $(B)/winnow $(TEST_PYTHON)/.installed ## every page in light, dark and narrow, in build/screenshots
	$(ON_PAGES) tests/e2e/screenshots.py build/screenshots

measure-pages: $(B)/winnow $(TEST_PYTHON)/.installed ## sizes of the pages, times of the first view and of 10,000 rows
	$(ON_PAGES) tests/e2e/measure.py
