// SPDX-License-Identifier: Apache-2.0
/*
 * Keeps what a walk through the sources found, and begins the next one in time. There is no timer:
 * whoever wants credentials asks, and that is when it is looked whether they are good.
 */
#include "user/source/aws/aws_credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "user/source/aws/aws_fetch.h"
#include "user/source/aws/aws_lifetime.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define WAITERS_MAX 1024
#define FAULT_MAX 2048
#define REFUSALS_FORGOTTEN_NS (900 * DS_NS_PER_S)

struct waiter {
	struct waiter *next;
	ds_aws_credentials_fn *done;
	void *ctx;
};

/* Credentials and their life. key_id NULL: there are none. */
struct kept {
	struct ds_aws_keys keys;
	enum ds_aws_provider provider;
	struct ds_aws_lifetime life;
};

struct ds_aws_chain {
	struct uv_loop_s *loop;
	struct ds_aws_fetch *fetch;
	bool fetching;
	struct kept lent;	/* until the next get */
	struct kept fresh;	/* came while the others were lent: lent from the next get on */
	struct ds_aws_credentials view;	/* of lent */
	bool refused;		/* AWS did not take what is lent */
	struct waiter *waiters, **last;
	size_t waiter_cnt;
	unsigned int failures;	/* in a row */
	unsigned int refusals;
	int64_t try_ns;		/* of the loop's clock: not before this */
	int64_t fetched_ns, refused_ns;	/* the same: when last */
	uint64_t random;
	char fault[FAULT_MAX];
};

/* Of the loop: it does not jump. */
static int64_t loop_clock(const struct ds_aws_chain *chain)
{
	return (int64_t)uv_now(chain->loop) * DS_NS_PER_MS;
}

/* xorshift64: only for jitter. */
static uint64_t draw(struct ds_aws_chain *chain)
{
	chain->random ^= chain->random << 13;
	chain->random ^= chain->random >> 7;
	chain->random ^= chain->random << 17;
	return chain->random;
}

/* Hands out what is kept in `fresh` from now on. */
static void lend_fresh(struct ds_aws_chain *chain)
{
	if (!chain->fresh.keys.key_id)
		return;
	ds_aws_keys_clear(&chain->lent.keys);
	chain->lent = chain->fresh;
	chain->fresh = (struct kept){ 0 };
	chain->refused = false;
	chain->view = (struct ds_aws_credentials){
		.key_id = chain->lent.keys.key_id,
		.secret = chain->lent.keys.secret,
		.token = chain->lent.keys.token,
		.expires_ns = chain->lent.keys.expires_ns,
		.provider = ds_aws_provider_name(chain->lent.provider),
	};
}

static enum ds_aws_age age(const struct ds_aws_chain *chain)
{
	if (!chain->lent.keys.key_id || chain->refused)
		return DS_AWS_AGE_ENDED;
	return ds_aws_lifetime_age(&chain->lent.life, ds_clock_ns(CLOCK_REALTIME));
}

/* To all that wait: what there is, or why there is nothing. */
static void serve(struct ds_aws_chain *chain)
{
	struct waiter *w = chain->waiters;

	chain->waiters = NULL;
	chain->last = &chain->waiters;
	chain->waiter_cnt = 0;
	if (w)
		lend_fresh(chain);
	while (w) {
		ds_autofree struct waiter *served = w;
		bool good = age(chain) != DS_AWS_AGE_ENDED;

		w = w->next;
		served->done(served->ctx, good ? &chain->view : NULL, good ? NULL : chain->fault);
	}
}

static void say_found(const struct ds_aws_chain *chain)
{
	char until[DS_RFC3339_LEN + 1] = "";

	if (chain->fresh.keys.expires_ns)
		ds_time_rfc3339(chain->fresh.keys.expires_ns, until);
	ds_log_info("AWS credentials: %s, %s%s", ds_aws_provider_name(chain->fresh.provider),
		    *until ? "good until " : "without an end", until);
}

static void take_found(struct ds_aws_chain *chain, struct ds_aws_keys *keys,
		       enum ds_aws_provider provider)
{
	ds_aws_keys_clear(&chain->fresh.keys);
	chain->fresh.keys = *keys;
	*keys = (struct ds_aws_keys){ 0 };
	chain->fresh.provider = provider;
	ds_aws_lifetime_begin(&chain->fresh.life, ds_clock_ns(CLOCK_REALTIME),
			      chain->fresh.keys.expires_ns, draw(chain));
	chain->failures = 0;
	chain->try_ns = 0;
	chain->fetched_ns = loop_clock(chain);
	say_found(chain);
}

static void take_fault(struct ds_aws_chain *chain, const char *fault)
{
	int64_t pause_ns = ds_aws_backoff_ns(++chain->failures, draw(chain));

	chain->try_ns = loop_clock(chain) + pause_ns;
	(void)snprintf(chain->fault, sizeof(chain->fault), "no AWS credentials (%s)", fault);
	if (age(chain) != DS_AWS_AGE_ENDED)
		ds_log_warn("cannot renew the AWS credentials, continuing with the old ones, trying "
			    "again in %lld s: %s",
			    (long long)((pause_ns + DS_NS_PER_S - 1) / DS_NS_PER_S), fault);
}

static void on_fetched(void *ctx, struct ds_aws_keys *keys, enum ds_aws_provider provider,
		       const char *fault)
{
	struct ds_aws_chain *chain = ctx;

	chain->fetching = false;
	if (keys)
		take_found(chain, keys, provider);
	else
		take_fault(chain, fault);
	serve(chain);
}

/* Begins a walk, unless one is under way, or the last one failed a moment ago. */
static void renew(struct ds_aws_chain *chain)
{
	const bool stay = chain->lent.keys.key_id && !chain->failures && !chain->refused;

	if (chain->fetching || loop_clock(chain) < chain->try_ns)
		return;
	chain->fetching = true;
	ds_aws_fetch_begin(chain->fetch, stay ? chain->lent.provider : DS_AWS_ENVIRONMENT);
}

static bool wait_for_it(struct ds_aws_chain *chain, ds_aws_credentials_fn *done, void *ctx)
{
	struct waiter *w = chain->waiter_cnt < WAITERS_MAX ? malloc(sizeof(*w)) : NULL;

	if (!w)
		return false;
	*w = (struct waiter){ .done = done, .ctx = ctx };
	*chain->last = w;
	chain->last = &w->next;
	chain->waiter_cnt++;
	return true;
}

void ds_aws_chain_get(struct ds_aws_chain *chain, ds_aws_credentials_fn *done, void *ctx)
{
	enum ds_aws_age now;

	lend_fresh(chain);
	now = age(chain);
	if (now == DS_AWS_AGE_GOOD || now == DS_AWS_AGE_RENEW) {
		if (now == DS_AWS_AGE_RENEW)
			renew(chain);
		done(ctx, &chain->view, NULL);
		return;
	}
	if (!chain->fetching && loop_clock(chain) < chain->try_ns) {
		done(ctx, now == DS_AWS_AGE_WAIT ? &chain->view : NULL,
		     now == DS_AWS_AGE_WAIT ? NULL : chain->fault);
	} else if (wait_for_it(chain, done, ctx)) {
		renew(chain);
	} else {
		done(ctx, NULL, "no AWS credentials (too many calls wait for them)");
	}
}

void ds_aws_chain_refused(struct ds_aws_chain *chain)
{
	int64_t now_ns = loop_clock(chain);

	if (!chain->lent.keys.key_id || chain->refused || chain->fresh.keys.key_id)
		return;
	if (now_ns - chain->refused_ns > REFUSALS_FORGOTTEN_NS)
		chain->refusals = 0;
	if (chain->refusals++)
		chain->try_ns = chain->fetched_ns +
				ds_aws_backoff_ns(chain->refusals, draw(chain));
	chain->refused = true;
	chain->refused_ns = now_ns;
	(void)snprintf(chain->fault, sizeof(chain->fault),
		       "no AWS credentials (AWS refused those of %s; they are asked for again soon)",
		       ds_aws_provider_name(chain->lent.provider));
}

const char *ds_aws_chain_region(const struct ds_aws_chain *chain)
{
	return ds_aws_fetch_region(chain->fetch);
}

int ds_aws_chain_new(struct ds_aws_chain **ret_chain, struct uv_loop_s *loop, struct ds_http *http)
{
	ds_cleanup(ds_aws_chain_free) struct ds_aws_chain *chain = calloc(1, sizeof(*chain));
	int r = -ENOMEM;

	if (chain) {
		chain->loop = loop;
		chain->last = &chain->waiters;
		/* Less than that is no harm: it is only for jitter. */
		if (getrandom(&chain->random, sizeof(chain->random), GRND_NONBLOCK) < 0 ||
		    !chain->random)
			chain->random = uv_hrtime() | 1;
		r = ds_aws_fetch_new(&chain->fetch, http, on_fetched, chain);
	}
	if (r)
		return ds_log_err(r, "look for AWS credentials");
	*ret_chain = DS_TAKE(chain);
	return 0;
}

void ds_aws_chain_free(struct ds_aws_chain **ret_chain)
{
	struct ds_aws_chain *chain = ret_chain ? *ret_chain : NULL;

	if (!chain)
		return;
	*ret_chain = NULL;
	ds_aws_fetch_free(&chain->fetch);
	while (chain->waiters) {
		struct waiter *w = chain->waiters;

		chain->waiters = w->next;
		free(w);
	}
	ds_aws_keys_clear(&chain->lent.keys);
	ds_aws_keys_clear(&chain->fresh.keys);
	free(chain);
}
