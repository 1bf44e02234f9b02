# SPDX-License-Identifier: GPL-2.0
#
# Targets for people; "make help" lists them. What kbuild reads is in Kbuild.

include tools/paths.mk
$(call paths-check,CURDIR BUILD KDIR INSTALL_MOD_PATH INSTALL_MOD_DIR)

ifdef KDIR
KVER ?= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	"$(KDIR)/include/generated/utsrelease.h" 2>/dev/null)
else
ifndef KVER
KVER := $(shell tools/kernels --default | head -n 1)
ifneq ($(KVER),$(shell uname -r))
other_kernel := yes
endif
endif
KDIR := /lib/modules/$(KVER)/build
endif

# Everything that is made goes below BUILD, one folder for each kernel.
BUILD ?= $(CURDIR)/build
FARM := $(abspath $(BUILD))/$(KVER)

# The name of a folder; only dkms-install takes several.
kernels := $(subst $() ,,$(KVER))
$(call paths-check,kernels)
ifneq ($(filter-out dkms-install,$(or $(MAKECMDGOALS),modules)),)
$(call paths-check,KVER)
$(if $(findstring /,$(KVER))$(filter .%,$(KVER)),$(error mvgpu: KVER='$(KVER)' is not the name of a kernel))
endif

CONFIG_VFIO_DIRTY ?= m
CONFIG_MDEV_MIGRATION ?= m
CONFIG_MVGPU ?= m
CONFIG_MDEV_SAMPLE ?= n
CONFIG_MVGPU_GUEST ?= n
CONFIG_VFIO_DIRTY_PINTEST ?= n

# Type information is made from the kernel's own, where its headers have that.
KBUILD = $(MAKE) -C "$(KDIR)" M="$(FARM)" CONFIG_VFIO_DIRTY=$(CONFIG_VFIO_DIRTY) \
	CONFIG_MDEV_MIGRATION=$(CONFIG_MDEV_MIGRATION) \
	CONFIG_MVGPU=$(CONFIG_MVGPU) \
	CONFIG_MDEV_SAMPLE=$(CONFIG_MDEV_SAMPLE) \
	CONFIG_MVGPU_GUEST=$(CONFIG_MVGPU_GUEST) \
	CONFIG_VFIO_DIRTY_PINTEST=$(CONFIG_VFIO_DIRTY_PINTEST) \
	$(if $(wildcard $(KDIR)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=)

# make would decide by the name alone whether KBUILD is a recursion; with -n there
# is nothing yet to go down to.
LOCKED = $(if $(findstring n,$(firstword -$(MAKEFLAGS))),,+)@flock "$(FARM)/.lock"

# Of a path or name given by the user, the kernel sees only what we pass on.
unexport KDIR KVER BUILD

.PHONY: modules farm install modules_install dkms-install dkms-remove clean help demo demo-region \
	demo-region-bare demo-seed \
	check check-long check-debug check-kcsan coverage mutants selftests guest unit \
	bench-dirty bench-engine bench-migration

modules: farm
	$(LOCKED) $(KBUILD) modules

farm:
	@test -n "$(KVER)" && test -e "$(KDIR)/Makefile" || { \
		echo "No kernel headers in '$(KDIR)': install them, or give KVER= or KDIR=" >&2; \
		exit 1; }
	@tools/kernels --lacks "$(KDIR)" >&2
	@$(if $(other_kernel),echo "The running kernel has no usable headers here: building for $(KVER)",:)
	@tools/outdir make "$(BUILD)"
	@mkdir -p "$(FARM)" && flock "$(FARM)/.lock" tools/farm "$(FARM)"

install: modules_install

modules_install: modules
	$(LOCKED) $(KBUILD) modules_install

# KVER= may name several kernels here; without it, all that will do.
dkms-install:
	@tools/dkms install $(if $(filter file,$(origin KVER)),,$(KVER))

dkms-remove:
	@tools/dkms remove

clean:
	tools/outdir clean "$(BUILD)"

selftests:
	$(MAKE) -C tools/testing/selftests OUTPUT="$(abspath $(BUILD))/selftests" all

# What a guest boots: build/KVER/guest.cpio. It is the guest's kernel here.
guest: export CONFIG_MVGPU_GUEST := m
guest: modules
	$(MAKE) -C samples OUTPUT="$(FARM)/samples-user" "$(FARM)/samples-user/workload"
	cp "$(FARM)/samples-user/workload" "$(FARM)/workload"
	$(MAKE) -C tools/testing/e2e OUTPUT="$(FARM)" "$(FARM)/driver-test"
	tools/testing/e2e/mkguest.sh "$(KVER)" "$(FARM)"

# Prints the folder of a qemu-system-x86_64 that moves vGPUs by the region.
.PHONY: qemu
qemu:
	@tools/deps demo-region >&2 && samples/qemu/build.sh

unit:
	$(MAKE) -C tools/testing/unit OUTPUT="$(abspath $(BUILD))/unit" check

demo:
	@tools/demo.sh

demo-region:
	@tools/demo.sh region

demo-region-bare:
	@tools/demo.sh bare

# Its name until 0.3.
demo-seed: demo-region-bare

check:
	@tools/check.sh

check-long:
	@tools/check.sh --long

check-debug:
	@tools/check.sh --debug

check-kcsan:
	@tools/check.sh --kcsan

bench-dirty:
	@tools/bench/bench-dirty.sh

bench-engine:
	@tools/bench/bench-engine.sh

bench-migration:
	@tools/bench/bench-migration.sh

coverage:
	@tools/coverage.sh

mutants:
	@tools/testing/mutants/run.sh $(NAMES)

help:
	@echo 'make                  build the modules for the running kernel'
	@echo '  KVER=6.12.1-amd64   ... or for another installed one'
	@echo '  KDIR=DIR            ... or for the kernel build tree DIR'
	@echo '  BUILD=DIR           ... below DIR, which is new or empty, not build/'
	@echo '  LAYOUT=unchecked    ... though nothing shows that it fits: to compile only'
	@echo 'make modules_install  install them (INSTALL_MOD_PATH= is honoured)'
	@echo 'make dkms-install     have DKMS install them, for each kernel (or KVER=)'
	@echo 'make dkms-remove      ... and remove them'
	@echo 'make demo             QEMU moves a guest with a working vGPU, in a VM'
	@echo 'make demo-region      ... by the region and the bitmap of 2018 (builds a QEMU)'
	@echo 'make demo-region-bare move a vGPU by them without QEMU (so far: demo-seed)'
	@echo 'make check            all checks and tests, on each kernel series'
	@echo 'make check-long       the same, with all that takes hours'
	@echo 'make check-debug      the selftests on a kernel with KASAN and lockdep'
	@echo 'make check-kcsan      ... or on one that looks for data races'
	@echo 'make bench-dirty      what vfio_dirty costs beside vfio_iommu_type1'
	@echo 'make bench-engine     how fast the engine is beside memset() and memcpy()'
	@echo 'make bench-migration  what a vGPU adds to the migration of a guest'
	@echo 'make coverage         which lines and branches the tests reach'
	@echo 'make mutants          whether they notice faults that are planted'
	@echo '  NAMES="NAME..."     ... some of those in tools/testing/mutants/'
	@echo 'make unit             the unit tests alone, in user space'
	@echo 'make selftests        build the selftests, which run in a VM'
	@echo 'make guest            build what a guest of the tests boots, for KVER='
	@echo 'make qemu             build the QEMU of samples/qemu/, and say where it is'
	@echo 'make clean            remove build/, or BUILD='
	@echo
	@echo 'demo and check install what they need with apt-get; DEPS=no leaves'
	@echo 'packages alone and says what is missing.'
