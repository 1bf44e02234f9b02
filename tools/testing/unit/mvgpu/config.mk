# SPDX-License-Identifier: GPL-2.0
#
# The PCI config space and the MSI-X BAR of a vGPU.

MVGPU_CONFIG := $(ROOT)/drivers/mvgpu/config_space
UNIT_TESTS += config_space_test

$(OUTPUT)/config_space_test: $(CURDIR)/mvgpu/config_space_test.c \
		$(MVGPU_CONFIG).c $(UNIT_RUNNER) $(UNIT_HEADERS) \
		$(MVGPU_CONFIG).h | $(OUTPUT)
	$(UNIT_BUILD) -I"$(ROOT)/drivers/mvgpu" -o "$@" $(filter %.c,$^)

MVGPU_MSIX := $(ROOT)/drivers/mvgpu/msix
UNIT_TESTS += msix_test

$(OUTPUT)/msix_test: $(CURDIR)/mvgpu/msix_test.c \
		$(MVGPU_MSIX).c $(UNIT_RUNNER) $(UNIT_HEADERS) \
		$(MVGPU_MSIX).h | $(OUTPUT)
	$(UNIT_BUILD) -I"$(ROOT)/drivers/mvgpu" -o "$@" $(filter %.c,$^)
