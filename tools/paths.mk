# SPDX-License-Identifier: GPL-2.0
#
# Included by each Makefile for people: refuses, before any recipe is even
# printed, a path that make, kbuild or a shell would take apart, as one with a
# space. What is left of such a path may well be the name of a stranger's folder.

# Bytes beyond ASCII are nobody's syntax.
paths-plain := A-Za-z0-9_./+@~\200-\377-

# $(call paths-check,NAMES): looks at the values of these variables.
paths-check = $(foreach name,$(1),$(if $(value $(name)),$(call paths-check-one,$(name))))
paths-check-one = $(if $(filter-out 0,$(shell printf %s '$(subst ','\'',$($(1)))' | \
	LC_ALL=C tr -d '$(paths-plain)' | wc -c)),$(error mvgpu: make cannot have a \
	path such as $(1) = '$($(1))': use letters, digits and _ . / + - @ ~ alone))
