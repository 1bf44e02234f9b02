# SPDX-License-Identifier: GPL-2.0
#
# Sections of a context that are accepted and saved again: what was changed at
# random, and what a fuzzer makes.

MVGPU_AGAIN := $(CURDIR)/mvgpu/again.c \
	$(addprefix $(ROOT)/drivers/mvgpu/,config_space.c context_wire.c \
		decode.c msix.c)
MVGPU_AGAIN_HEADERS := $(CURDIR)/mvgpu/again.h \
	$(addprefix $(ROOT)/drivers/mvgpu/,config_space.h context_wire.h \
		decode.h msix.h queue.h)

UNIT_TESTS += again_test
FUZZ_TESTS += $(if $(FUZZ_CC),fuzz_context)

$(OUTPUT)/again_test: $(CURDIR)/mvgpu/again_test.c $(MVGPU_AGAIN) \
		$(UNIT_RUNNER) $(UNIT_HEADERS) $(MVGPU_AGAIN_HEADERS) \
		| $(OUTPUT)
	$(UNIT_BUILD) -I"$(ROOT)/drivers/mvgpu" -o "$@" $(filter %.c,$^)

$(OUTPUT)/fuzz_context: $(CURDIR)/mvgpu/fuzz_context.c $(MVGPU_AGAIN) \
		$(CURDIR)/unit_kernel.c $(UNIT_HEADERS) \
		$(MVGPU_AGAIN_HEADERS) | $(OUTPUT)
	$(FUZZ_CC) $(UNIT_CPPFLAGS) $(UNIT_CFLAGS) $(UNIT_SANITIZE) \
		-fsanitize=fuzzer -I"$(ROOT)/drivers/mvgpu" -o "$@" \
		$(filter %.c,$^)
