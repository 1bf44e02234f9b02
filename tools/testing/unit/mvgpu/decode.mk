# SPDX-License-Identifier: GPL-2.0
#
# The engine's pure files: commands, and the sections of a context.

MVGPU_ENGINE := $(ROOT)/drivers/mvgpu
MVGPU_ENGINE_HEADERS := $(MVGPU_ENGINE)/decode.h $(MVGPU_ENGINE)/queue.h \
	$(MVGPU_ENGINE)/blend.h $(MVGPU_ENGINE)/context_wire.h
# the hardware's version has the name that the modules' version comes under
MVGPU_ENGINE_BUILD = $(UNIT_BUILD) -I$(MVGPU_ENGINE) -o "$@" \
	$(filter %.c,$^)

UNIT_TESTS += decode_test context_wire_test

$(OUTPUT)/decode_test: $(CURDIR)/mvgpu/decode_test.c $(MVGPU_ENGINE)/decode.c \
		$(MVGPU_ENGINE)/blend.c \
		$(UNIT_RUNNER) $(UNIT_HEADERS) $(MVGPU_ENGINE_HEADERS) \
		| $(OUTPUT)
	$(MVGPU_ENGINE_BUILD)

$(OUTPUT)/context_wire_test: $(CURDIR)/mvgpu/context_wire_test.c \
		$(MVGPU_ENGINE)/context_wire.c $(MVGPU_ENGINE)/decode.c \
		$(UNIT_RUNNER) $(UNIT_HEADERS) $(MVGPU_ENGINE_HEADERS) \
		| $(OUTPUT)
	$(MVGPU_ENGINE_BUILD)
