// SPDX-License-Identifier: Apache-2.0
/*
 * The load of the row rst_storm: SYNs to one address and port, from a raw socket, as fast as one
 * CPU makes them or at a given rate, for a given time. Every SYN opens a connection of its own: the
 * 4-tuples are used in turn, and each use of one has an initial sequence number of its own.
 *
 * Only tests/bench/run starts it, in a network namespace that it made. It prints one line:
 *     packets elapsed_ns cpu_ns
 * where cpu_ns holds what the kernel does on the way too, for the packets are carried on in the
 * context of the sender.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32
#define PORTS 16384		/* source ports of one source address */
#define FIRST_PORT 20000
#define NS_PER_S INT64_C(1000000000)
#define MAX_SECONDS 30.0
#define MAX_TUPLES (PORTS * 256)

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct storm {
	int fd;
	uint32_t from, to;	/* host order */
	uint16_t port;
	uint32_t tuples;
	uint64_t sent;
	struct sockaddr_in target;
	struct packet packets[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);	/* these clocks exist */
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t sum16(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *b = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	return sum;
}

static uint16_t checksum(const struct packet *p)
{
	uint32_t sum = IPPROTO_TCP + sizeof(p->tcp);

	sum = sum16(&p->ip.saddr, 2 * sizeof(p->ip.saddr), sum);
	sum = sum16(&p->tcp, sizeof(p->tcp), sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* A number without a pattern: the same one never comes twice in a row on one 4-tuple. */
static uint32_t initial_sequence(uint64_t n)
{
	n += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(n ^ n >> 31);
}

static void fill(const struct storm *s, struct packet *p, uint64_t n)
{
	uint32_t tuple = (uint32_t)(n % s->tuples);

	memset(p, 0, sizeof(*p));
	p->ip.version = 4;	/* length, id and checksum: the kernel (raw(7), IP_HDRINCL) */
	p->ip.ihl = sizeof(p->ip) / 4;
	p->ip.ttl = 64;
	p->ip.protocol = IPPROTO_TCP;
	p->ip.tot_len = htons(sizeof(*p));
	p->ip.saddr = htonl(s->from + tuple / PORTS);
	p->ip.daddr = htonl(s->to);
	p->tcp.source = htons((uint16_t)(FIRST_PORT + tuple % PORTS));
	p->tcp.dest = htons(s->port);
	p->tcp.seq = htonl(initial_sequence(n));
	p->tcp.doff = sizeof(p->tcp) / 4;
	p->tcp.syn = 1;
	p->tcp.window = htons(64240);
	p->tcp.check = checksum(p);
}

static void set_up(struct storm *s)
{
	s->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (s->fd < 0)
		die("raw socket");
	s->target.sin_family = AF_INET;
	s->target.sin_addr.s_addr = htonl(s->to);
	for (int i = 0; i < BATCH; i++) {
		s->iov[i] = (struct iovec){ &s->packets[i], sizeof(s->packets[i]) };
		s->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &s->target, .msg_namelen = sizeof(s->target),
			.msg_iov = &s->iov[i], .msg_iovlen = 1,
		};
	}
}

static void send_batch(struct storm *s)
{
	int done = 0;

	for (int i = 0; i < BATCH; i++)
		fill(s, &s->packets[i], s->sent + (uint64_t)i);
	while (done < BATCH) {
		int n = sendmmsg(s->fd, s->messages + done, (unsigned int)(BATCH - done), 0);

		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			die("send");
		done += n > 0 ? n : 0;
	}
	s->sent += BATCH;
}

/* Sleeps until the next batch is due; a storm that is late by more than 10 ms forgets it. */
static void pace(int64_t *due_ns, int64_t rate)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct timespec ts;

	*due_ns += BATCH * NS_PER_S / rate;
	if (*due_ns < now_ns - NS_PER_S / 100)
		*due_ns = now_ns;
	if (*due_ns <= now_ns)
		return;
	ts = (struct timespec){ *due_ns / NS_PER_S, *due_ns % NS_PER_S };
	/* Woken early: no harm. */
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void run_for(struct storm *s, double seconds, int64_t rate)
{
	int64_t began_ns = clock_ns(CLOCK_MONOTONIC), due_ns = began_ns;
	int64_t end_ns = began_ns + (int64_t)(seconds * (double)NS_PER_S);
	int64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	while (clock_ns(CLOCK_MONOTONIC) < end_ns) {
		send_batch(s);
		if (rate)
			pace(&due_ns, rate);
	}
	(void)printf("%llu %lld %lld\n", (unsigned long long)s->sent,
		     (long long)(clock_ns(CLOCK_MONOTONIC) - began_ns),
		     (long long)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns));
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("pin to a CPU");
}

static int usage(void)
{
	(void)fprintf(stderr, "usage: storm FROM TO PORT TUPLES SECONDS RATE CPU\n"
		      "  RATE 0 = as fast as it goes, CPU -1 = any\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct storm s;
	struct in_addr from, to;
	double seconds;
	int64_t rate;

	if (argc != 8 || inet_pton(AF_INET, argv[1], &from) != 1 ||
	    inet_pton(AF_INET, argv[2], &to) != 1)
		return usage();
	s.from = ntohl(from.s_addr);
	s.to = ntohl(to.s_addr);
	s.port = (uint16_t)strtoul(argv[3], NULL, 10);
	s.tuples = (uint32_t)strtoul(argv[4], NULL, 10);
	seconds = strtod(argv[5], NULL);
	rate = strtoll(argv[6], NULL, 10);
	if (!s.port || !s.tuples || s.tuples > MAX_TUPLES || rate < 0 ||
	    !(seconds > 0 && seconds <= MAX_SECONDS))
		return usage();
	/* It ends with the run, and at the latest by its time. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (atoi(argv[7]) >= 0)
		pin(atoi(argv[7]));
	set_up(&s);
	run_for(&s, seconds, rate);
	return 0;
}
