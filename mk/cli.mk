# What the program says about itself, kept where readers of the repository find it.

.PHONY: docs
docs: $(B)/winnow ## rewrite docs/cli.md and docs/configuration.md from the option table
	@mkdir -p docs
	$(B)/winnow help --markdown > docs/cli.md
	$(B)/winnow help --configuration > docs/configuration.md
