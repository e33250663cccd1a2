# Files for those who watch a server: alert rules for Prometheus, a board for Grafana.

.PHONY: check-rules
check-rules: ## alert rules: their syntax and their unit tests (needs promtool)
	promtool check rules deploy/prometheus/winnow.rules.yml
	promtool test rules deploy/prometheus/winnow.test.yml
