/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Creating and removing mediated devices through sysfs.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef SAMPLES_LIB_MDEV_H
#define SAMPLES_LIB_MDEV_H

#include <stdbool.h>
#include <stddef.h>

/* The type that every mvgpu host has. */
#define MDEV_TYPE_SMALL		"mvgpu-small"

/* A UUID in text, NUL included. */
#define MDEV_UUID_SIZE		37

/**
 * mdev_uuid - make a random UUID
 * @uuid: filled in
 *
 * Return: 0 or -errno.
 */
int mdev_uuid(char uuid[MDEV_UUID_SIZE]);

/**
 * mdev_create - create a device and wait until it can be opened
 * @type: name in mdev_supported_types, such as MDEV_TYPE_SMALL; the first
 *	parent that has it is taken
 * @uuid: in text
 *
 * Return: 0, -ENODEV if no parent has the type, or what sysfs or the wait for
 * the group's node (-ETIMEDOUT) gave.
 */
int mdev_create(const char *type, const char *uuid);

/* Remove a device; waits while it is open, as sysfs does. */
int mdev_remove(const char *uuid);

bool mdev_exists(const char *uuid);

/* What sysfs says as device_api of its type, without a newline. */
int mdev_api(const char *uuid, char *api, size_t size);

/* Wait for the group and its node below /dev/vfio, or -ETIMEDOUT. */
int mdev_wait(const char *uuid, unsigned int timeout_ms);

/* The type's available_instances, or -errno. */
int mdev_available(const char *type);

#endif /* SAMPLES_LIB_MDEV_H */
