/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a file, a FIFO or standard input ("-"): followed on the uv loop as they come
 * (ds_follow_new), or read at one go (ds_follow_read). Knows nothing of what they mean.
 *
 * On the loop it never blocks and reads at most 256 KiB a wake-up; a regular file is looked at
 * every 50 ms. Standard input is other processes' too: its flags are never changed.
 */
#ifndef DS_SOURCE_FOLLOW_H
#define DS_SOURCE_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

struct uv_loop_s;
struct ds_follow;

struct ds_follow_options {
	const char *what;	/* "events": for messages; borrowed for the call */
	/*
	 * The next bytes, at least one, borrowed for the call. False: no more is wanted. Must not
	 * free what follows.
	 */
	bool (*bytes)(void *ctx, const char *data, size_t len);
	/*
	 * What was given is whole: what comes is another file of that name, the same one anew
	 * after it was cut, or from the next writer of a FIFO. Not called by ds_follow_read.
	 */
	void (*again)(void *ctx);
	/*
	 * Nothing more will come; once, by ds_follow_finish at the latest. Not called by
	 * ds_follow_read, nor by ds_follow_free.
	 */
	void (*ended)(void *ctx);
	void *ctx;
	bool once;		/* the end of a file, or of a FIFO's writers, is the end */
};

/*
 * Opens path and follows it. A regular file is read from its beginning, as standard input from
 * where it stands; when it is cut (seen where it is then shorter than what was read), or another
 * file takes its name, that is read from its beginning. A FIFO is open for the next writer before
 * it is closed for the last one: none of them finds nobody. An error that comes later is logged
 * and is the end. 0, or -errno with one line logged.
 */
int ds_follow_new(struct ds_follow **ret_follow, struct uv_loop_s *loop, const char *path,
		  const struct ds_follow_options *options);

/*
 * The end of the run: gives what is there by now without waiting, at most 1 GiB of a regular file
 * and 64 MiB of anything else (more is left, and said), then calls ended() if nobody has yet. No
 * callback comes afterwards.
 */
void ds_follow_finish(struct ds_follow *f);

/* Closes without a callback; the loop must run once more to free it. NULL is fine. */
void ds_follow_free(struct ds_follow **f);

/*
 * Gives path, or standard input ("-"), to its end, or until bytes() returns false; waits for a
 * FIFO's writer, and for input that is not there yet. 0, or -errno with one line logged.
 */
int ds_follow_read(const char *path, const struct ds_follow_options *options);

/* How path is called in messages: "standard input" for "-". */
const char *ds_follow_name(const char *path);

#endif
