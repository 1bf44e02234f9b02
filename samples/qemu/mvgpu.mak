# SPDX-License-Identifier: GPL-2.0-or-later
#
# The devices of the QEMU that build.sh makes: what the end-to-end tests and the
# demo start, and what they see refused (a vIOMMU, iommufd).
CONFIG_Q35=y
CONFIG_PCIE_PORT=y
CONFIG_SERIAL_ISA=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VFIO=y
CONFIG_VFIO_PCI=y
CONFIG_VTD=y
CONFIG_IOMMUFD=y
