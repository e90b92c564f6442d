// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the iterator over TCP sockets in every network namespace. An iterator belongs to the
 * namespace in which it is made (iter/tcp fixes it in bpf_iter_create), so a thread of its own
 * goes into each: setns changes that thread only, and it ends here.
 */
#include "user/source/kernel/kernel_listeners.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/util/cleanup.h"

#define NAMESPACES_MAX 8192

struct namespace {
	ino_t ino;
	char *path;
};

struct namespaces {
	struct namespace *list;
	size_t count;
	size_t cap;
};

struct job {
	int link_fd;
	int netns_fd;		/* -1 = stay where this process is */
	int result;
};

static void namespaces_free(struct namespaces *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i].path);
	free(n->list);
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);	/* only read */
}

static int add(struct namespaces *n, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return 0;	/* gone meanwhile, or not ours to see */
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i].ino == st.st_ino)	/* all of one file system, nsfs */
			return 0;
	if (n->count == NAMESPACES_MAX)
		return -E2BIG;
	if (n->count == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 64;
		struct namespace *list = reallocarray(n->list, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		n->list = list;
		n->cap = cap;
	}
	n->list[n->count].path = strdup(path);
	if (!n->list[n->count].path)
		return -ENOMEM;
	n->list[n->count++].ino = st.st_ino;
	return 0;
}

/* The namespaces of processes, and the named ones, in which a socket may live without a process. */
static int collect(struct namespaces *n, const char *folder, const char *suffix, bool numbers)
{
	ds_cleanup(closedir_p) DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[300];

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (numbers ? entry->d_name[0] < '0' || entry->d_name[0] > '9' :
			      entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s%s", folder, entry->d_name, suffix) >=
		    (int)sizeof(path))
			continue;
		if (add(n, path) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static void *search_one(void *arg)
{
	struct job *job = arg;
	ds_autoclose int fd = -1;
	char nothing[64];
	ssize_t got;

	if (job->netns_fd >= 0 && setns(job->netns_fd, CLONE_NEWNET)) {
		job->result = -errno;
		return NULL;
	}
	fd = bpf_iter_create(job->link_fd);
	if (fd < 0) {
		job->result = fd;
		return NULL;
	}
	/* The program writes nothing here: reading makes it run. */
	do {
		got = read(fd, nothing, sizeof(nothing));
	} while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
	job->result = got < 0 ? -errno : 0;
	return NULL;
}

static int search(int link_fd, int netns_fd)
{
	struct job job = { .link_fd = link_fd, .netns_fd = netns_fd };
	pthread_t thread;
	int r = pthread_create(&thread, NULL, search_one, &job);

	if (r)
		return -r;
	(void)pthread_join(thread, NULL);	/* joinable and ours: cannot fail */
	return job.result;
}

int ds_listeners_search(int link_fd, void (*after)(void *ctx), void *ctx)
{
	ds_cleanup(namespaces_free) struct namespaces n = {};
	int done = 0, r = 0, first = 0;

	/* Either folder may be missing or closed to us: then fewer namespaces are known. */
	(void)collect(&n, "/proc", "/ns/net", true);
	(void)collect(&n, "/run/netns", "", false);
	for (size_t i = 0; i < n.count; i++) {
		ds_autoclose int fd = open(n.list[i].path, O_RDONLY | O_CLOEXEC);

		r = fd < 0 ? -errno : search(link_fd, fd);
		if (!r)
			done++;
		else if (!first)
			first = r;
		after(ctx);
	}
	if (!done) {
		/* setns needs CAP_SYS_ADMIN: the place where this process is needs nothing. */
		r = search(link_fd, -1);
		after(ctx);
		if (!r)
			return 1;
		return first ? first : r;
	}
	return done;
}
