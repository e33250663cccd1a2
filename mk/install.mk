# Installing, and removing what was installed.  PREFIX and DESTDIR as in the GNU coding standards.

.PHONY: install uninstall

BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share

SHELLS := bash zsh fish
COMPLETION_bash := $(DATADIR)/bash-completion/completions/winnow
COMPLETION_zsh  := $(DATADIR)/zsh/site-functions/_winnow
COMPLETION_fish := $(DATADIR)/fish/vendor_completions.d/winnow.fish
MAN_PAGE        := $(DATADIR)/man/man1/winnow.1
PC_FILE         := $(LIBDIR)/pkgconfig/winnow.pc
DOC_FOLDER      := $(DATADIR)/doc/winnow

INSTALL         := install -D -m 644
INSTALL_PROGRAM := install -D -m 755

# What the program says about itself, from its option table.
$(B)/gen/winnow.1: $(B)/winnow
	$(call Q,GEN)$(B)/winnow help --man > $@
$(B)/gen/completion.%: $(B)/winnow
	$(call Q,GEN)$(B)/winnow completion $* > $@

install: all $(B)/gen/winnow.1 $(SHELLS:%=$(B)/gen/completion.%) ## install below DESTDIR and PREFIX
	$(INSTALL_PROGRAM) $(B)/winnow $(DESTDIR)$(BINDIR)/winnow
	$(INSTALL) $(B)/libwinnow.a $(DESTDIR)$(LIBDIR)/libwinnow.a
	$(INSTALL) $(B)/libwinnow.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libwinnow.so.$(VERSION)
	ln -sf libwinnow.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libwinnow.so.$(SOVERSION)
	ln -sf libwinnow.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libwinnow.so
	$(INSTALL) include/winnow.h $(DESTDIR)$(INCLUDEDIR)/winnow.h
	$(INSTALL) $(B)/gen/winnow.1 $(DESTDIR)$(MAN_PAGE)
	$(foreach s,$(SHELLS),$(INSTALL) $(B)/gen/completion.$(s) $(DESTDIR)$(COMPLETION_$(s)) &&) true
	$(INSTALL) LICENSE $(DESTDIR)$(DOC_FOLDER)/LICENSE
	install -d $(DESTDIR)$(dir $(PC_FILE))
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
	    'Name: winnow' 'Description: put documents in order of relevance to a query' \
	    'Version: $(VERSION)' 'Requires.private: $(PACKAGES)' 'Cflags: -I$${includedir}' \
	    'Libs: -L$${libdir} -lwinnow' 'Libs.private: -lm -pthread' > $(DESTDIR)$(PC_FILE)

uninstall: ## remove what install put there
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/winnow $(LIBDIR)/libwinnow.a $(LIBDIR)/libwinnow.so.$(VERSION) \
	    $(LIBDIR)/libwinnow.so.$(SOVERSION) $(LIBDIR)/libwinnow.so $(INCLUDEDIR)/winnow.h $(PC_FILE) \
	    $(MAN_PAGE) $(foreach s,$(SHELLS),$(COMPLETION_$(s))) $(DOC_FOLDER)/LICENSE)
	rmdir $(DESTDIR)$(DOC_FOLDER) 2>/dev/null || true
