# A Debian package of the program and its service, and its check by lintian.

.PHONY: deb
DEB_TREE := build/package/winnow-$(VERSION)
deb: ## build/package/winnow_VERSION_ARCH.deb, lintian clean
	rm -rf build/package
	mkdir -p $(DEB_TREE)
	git ls-files -z | xargs -0 cp --parents -t $(DEB_TREE)
	cp -r deploy/debian $(DEB_TREE)/debian
	cp deploy/winnow.service deploy/winnow.yaml $(DEB_TREE)/debian/
	printf 'winnow (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' $(VERSION) \
	    "$$(sed -n 's/^Maintainer: //p' deploy/debian/control)" "$$(git log -1 --format=%aD)" \
	    > $(DEB_TREE)/debian/changelog
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage --build=binary --no-sign -j2
	lintian --fail-on error,warning --info build/package/*.changes
	@ls -l build/package/*.deb
