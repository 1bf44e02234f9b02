// SPDX-License-Identifier: GPL-2.0
/*
 * From a doorbell to its fence, whose interrupt is an eventfd that the thread
 * waits for; and a round trip between two threads, one eventfd each way.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

/* Before the clock is looked at. */
#define WARM_UP	100U

/**
 * struct partner - a thread that answers
 * @thread: it
 * @asked: eventfd it waits for
 * @answered: eventfd it answers by
 * @rounds: how often
 */
struct partner {
	pthread_t thread;
	int asked;
	int answered;
	unsigned int rounds;
};

static bool wait_for(int fd)
{
	uint64_t events;

	return read(fd, &events, sizeof(events)) == sizeof(events);
}

static bool signal_to(int fd)
{
	const uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one);
}

static void *answer(void *data)
{
	struct partner *partner = data;
	unsigned int i;

	for (i = 0; i < partner->rounds; i++) {
		if (!wait_for(partner->asked) || !signal_to(partner->answered))
			abort();
	}
	return NULL;
}

static int round_trip(struct partner *partner, double *ns)
{
	uint64_t begin = bench_now();

	if (!signal_to(partner->asked) || !wait_for(partner->answered))
		return -errno;
	*ns = bench_now() - begin;
	return 0;
}

static int measure(struct bench *bench, struct partner *partner,
		   unsigned int rounds, double *trips, double *round_trips)
{
	unsigned int i, at;
	int ret = 0;

	for (i = 0; i < rounds + WARM_UP && !ret; i++) {
		at = i < WARM_UP ? 0 : i - WARM_UP;
		ret = bench_put_fence(bench);
		if (!ret)
			ret = bench_trip(bench, &trips[at]);
		if (!ret)
			ret = round_trip(partner, &round_trips[at]);
	}
	return ret;
}

int bench_latency(struct bench *bench, unsigned int rounds)
{
	struct partner partner = {
		.asked = eventfd(0, EFD_CLOEXEC),
		.answered = eventfd(0, EFD_CLOEXEC),
		.rounds = rounds + WARM_UP,
	};
	double *trips = calloc(rounds, sizeof(*trips));
	double *round_trips = calloc(rounds, sizeof(*round_trips));
	int ret;

	if (!rounds || !trips || !round_trips || partner.asked < 0 ||
	    partner.answered < 0)
		return -ENOMEM;
	ret = -pthread_create(&partner.thread, NULL, answer, &partner);
	if (ret)
		return ret;
	ret = measure(bench, &partner, rounds, trips, round_trips);
	if (ret)
		return ret;
	pthread_join(partner.thread, NULL);
	printf("latency,fence,0,%.0f,%.0f,,\n",
	       bench_median(round_trips, rounds), bench_median(trips, rounds));
	fflush(stdout);
	free(trips);
	free(round_trips);
	close(partner.asked);
	close(partner.answered);
	return 0;
}
