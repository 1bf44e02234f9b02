# SPDX-License-Identifier: GPL-2.0
#
# The bitmaps of vfio_dirty.

DIRTY := $(ROOT)/drivers/vfio_dirty

UNIT_TESTS += dirty_bitmap_test

$(OUTPUT)/dirty_bitmap_test: $(CURDIR)/dirty/dirty_bitmap_test.c \
		$(DIRTY)/bitmap.c $(UNIT_RUNNER) $(UNIT_HEADERS) \
		$(DIRTY)/bitmap.h | $(OUTPUT)
	@echo "  CC      $(@F)"
	@$(UNIT_BUILD) -I$(DIRTY) -o "$@" $(filter %.c,$^)

UNIT_TESTS += dirty_span_test

$(OUTPUT)/dirty_span_test: $(CURDIR)/dirty/dirty_span_test.c \
		$(DIRTY)/span.c $(UNIT_RUNNER) $(UNIT_HEADERS) \
		$(DIRTY)/span.h | $(OUTPUT)
	@echo "  CC      $(@F)"
	@$(UNIT_BUILD) -I$(DIRTY) -o "$@" $(filter %.c,$^)
