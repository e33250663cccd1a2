# A container image, made without a container engine, and its check by runc.

.PHONY: image image-check
image: $(B)/winnow ## an OCI image layout in build/image (needs umoci)
	tools/make_image.sh $< $(VERSION) build/image

image-check: image ## run the image by runc on a read-only root and ask it things (needs root, runc)
	$(PYTHON) tools/check_image.py build/image $(VERSION)
