/* SPDX-License-Identifier: Apache-2.0 */
/* preStop hooks of three kinds, and the commands that only sleep. */
#include "user/source/kube/kube_prestop.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "user/source/kube/kube_json.h"

#define SLEEP_MAX_S INT64_C(31536000) /* a longer one is no sleep that anybody meant */
#define WORDS_MAX 8

enum kind { NONE, SLEEPS, EXEC, HTTP, OTHER };

struct hook {
	enum kind kind;
	int64_t seconds; /* SLEEPS */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* "30", "30s", "2m": what sleep(1) takes, in whole seconds; -1 = anything else. */
static int64_t sleep_time(const char *word, size_t len)
{
	int64_t seconds = 0;
	size_t i = 0;

	for (; i < len && word[i] >= '0' && word[i] <= '9' && seconds <= SLEEP_MAX_S; i++)
		seconds = seconds * 10 + (word[i] - '0');
	if (!i)
		return -1;
	if (i + 1 == len && (word[i] == 's' || word[i] == 'm' || word[i] == 'h'))
		seconds *= word[i] == 'h' ? 3600 : word[i] == 'm' ? 60 : 1;
	else if (i != len)
		return -1;
	return seconds > SLEEP_MAX_S ? -1 : seconds;
}

static bool is_program(const char *word, size_t len, const char *name)
{
	const char *slash = memrchr(word, '/', len);

	if (slash) {
		len -= (size_t)(slash + 1 - word);
		word = slash + 1;
	}
	return len == strlen(name) && !memcmp(word, name, len);
}

/* Of a shell's text that is nothing but one sleep; -1 = anything else. */
static int64_t sleep_of_script(const char *text)
{
	const char *words[3];
	size_t lens[3];
	int cnt = 0;

	for (const char *p = text; *p;) {
		while (is_space(*p) || (*p == ';' && cnt == 2))
			p++;
		if (!*p)
			break;
		if (cnt == 3)
			return -1;
		words[cnt] = p;
		while (*p && !is_space(*p) && *p != ';')
			p++;
		lens[cnt] = (size_t)(p - words[cnt]);
		if (!lens[cnt])
			return -1; /* a semicolon where none belongs */
		cnt++;
	}
	if (cnt == 3 && is_program(words[0], lens[0], "exec")) {
		words[0] = words[1];
		words[1] = words[2];
		lens[0] = lens[1];
		lens[1] = lens[2];
		cnt = 2;
	}
	return cnt == 2 && is_program(words[0], lens[0], "sleep") ? sleep_time(words[1], lens[1]) :
								    -1;
}

static int64_t sleep_of_command(json_object *command)
{
	static const char *const shells[] = { "sh", "bash", "ash", "dash" };
	const char *words[WORDS_MAX];
	size_t cnt = ds_kube_items(command);

	if (cnt < 2 || cnt > WORDS_MAX)
		return -1;
	for (size_t i = 0; i < cnt; i++) {
		words[i] = json_object_get_string(json_object_array_get_idx(command, i));
		if (!words[i])
			return -1;
	}
	if (cnt == 2 && is_program(words[0], strlen(words[0]), "sleep"))
		return sleep_time(words[1], strlen(words[1]));
	for (size_t i = 0; cnt == 3 && i < sizeof(shells) / sizeof(shells[0]); i++)
		if (is_program(words[0], strlen(words[0]), shells[i]) && words[1][0] == '-' &&
		    words[1][strlen(words[1]) - 1] == 'c')
			return sleep_of_script(words[2]);
	return -1;
}

static struct hook hook_of(json_object *container)
{
	json_object *prestop = ds_kube_child(ds_kube_child(container, "lifecycle"), "preStop");
	json_object *exec = ds_kube_child(prestop, "exec");
	json_object *sleep =
		ds_kube_member(ds_kube_child(prestop, "sleep"), "seconds", json_type_int);
	int64_t seconds = -1;

	if (!prestop)
		return (struct hook){ .kind = NONE };
	if (sleep)
		seconds = json_object_get_int64(sleep);
	else if (exec)
		seconds = sleep_of_command(ds_kube_list(exec, "command"));
	if (seconds >= 0 && seconds <= SLEEP_MAX_S)
		return (struct hook){ .kind = SLEEPS, .seconds = seconds };
	if (exec)
		return (struct hook){ .kind = EXEC };
	return (struct hook){ .kind = ds_kube_child(prestop, "httpGet") ? HTTP : OTHER };
}

/* The one that stays for less; of those that cannot be compared the one that tells less. */
static struct hook shorter(struct hook a, struct hook b)
{
	if (a.kind == SLEEPS && b.kind == SLEEPS)
		return a.seconds < b.seconds ? a : b;
	if (a.kind == NONE || b.kind == NONE)
		return a.kind == NONE ? a : b;
	return a.kind > b.kind ? a : b;
}

bool ds_kube_declares_port(json_object *container)
{
	json_object *list = ds_kube_list(container, "ports");

	for (size_t i = 0; i < ds_kube_items(list); i++) {
		const char *protocol = ds_kube_text(json_object_array_get_idx(list, i), "protocol");

		if (!protocol[0] || !strcmp(protocol, "TCP"))
			return true;
	}
	return false;
}

static int find(json_object *containers, bool with_port, struct hook *ret_hook)
{
	int found = 0;

	for (size_t i = 0; i < ds_kube_items(containers); i++) {
		json_object *container = json_object_array_get_idx(containers, i);
		struct hook hook = hook_of(container);

		if (with_port && !ds_kube_declares_port(container))
			continue;
		*ret_hook = found++ ? shorter(*ret_hook, hook) : hook;
	}
	return found;
}

void ds_kube_prestop(json_object *containers, char *buf, size_t size)
{
	static const char *const words[] = {
		[NONE] = "none", [SLEEPS] = "", [EXEC] = "exec", [HTTP] = "http", [OTHER] = ""
	};
	struct hook hook = { .kind = OTHER };

	if (!find(containers, true, &hook))
		(void)find(containers, false, &hook);
	if (hook.kind == SLEEPS)
		(void)snprintf(buf, size, "sleep:%lld", (long long)hook.seconds);
	else
		(void)snprintf(buf, size, "%s", words[hook.kind]);
}
