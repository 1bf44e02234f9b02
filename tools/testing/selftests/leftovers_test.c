// SPDX-License-Identifier: GPL-2.0
/*
 * A test that is ended by its limit leaves nothing behind for those after it.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "fixture.h"

FIXTURE(leftovers) {
	char claim[FIXTURE_CLAIM_SIZE];
	char uuid[MDEV_UUID_SIZE];
};

FIXTURE_SETUP(leftovers)
{
	ASSERT_EQ(0, mdev_uuid(self->uuid));
	ASSERT_EQ(0, fixture_claim("users", self->claim));
	/* Children of this test are now what tests are to the harness. */
	leftovers_begin();
}

FIXTURE_TEARDOWN(leftovers)
{
	fixture_claim(self->claim, NULL);
	if (mdev_exists(self->uuid))
		mdev_remove(self->uuid);
}

static void is_ended(const char *uuid)
{
	if (fixture_claim("none", NULL) ||
	    mdev_create(MDEV_TYPE_SMALL, uuid))
		_exit(1);
	raise(SIGKILL);
}

TEST_F(leftovers, of_a_test_that_is_ended_are_put_back)
{
	char claim[FIXTURE_CLAIM_SIZE];
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		is_ended(self->uuid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(mdev_exists(self->uuid));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(mdev_exists(self->uuid) ||
		      fixture_claim("users", claim) || strcmp(claim, "users"));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
