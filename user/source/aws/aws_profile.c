// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_profile.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum ds_aws_setting setting;
} names[] = {
	{ "aws_access_key_id", DS_AWS_SETTING_KEY_ID },
	{ "aws_secret_access_key", DS_AWS_SETTING_SECRET },
	{ "aws_session_token", DS_AWS_SETTING_TOKEN },
	{ "aws_security_token", DS_AWS_SETTING_TOKEN },		/* its old name */
	{ "region", DS_AWS_SETTING_REGION },
	{ "role_arn", DS_AWS_SETTING_ROLE_ARN },
	{ "web_identity_token_file", DS_AWS_SETTING_TOKEN_FILE },
	{ "role_session_name", DS_AWS_SETTING_SESSION_NAME },
	{ "source_profile", DS_AWS_SETTING_SOURCE_PROFILE },
	{ "credential_source", DS_AWS_SETTING_CREDENTIAL_SOURCE },
	{ "credential_process", DS_AWS_SETTING_PROCESS },
	{ "sso_session", DS_AWS_SETTING_SSO },
	{ "sso_start_url", DS_AWS_SETTING_SSO },
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct ds_aws_text trim(struct ds_aws_text t)
{
	while (t.len && is_blank(t.text[0])) {
		t.text++;
		t.len--;
	}
	while (t.len && is_blank(t.text[t.len - 1]))
		t.len--;
	return t;
}

/* Without a comment that begins behind white space. */
static struct ds_aws_text before_comment(struct ds_aws_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((t.text[i] == '#' || t.text[i] == ';') && (!i || is_blank(t.text[i - 1])))
			t.len = i;
	return t;
}

static bool is(struct ds_aws_text t, const char *word)
{
	return t.len == strlen(word) && !memcmp(t.text, word, t.len);
}

/* "NAME", 'NAME' or NAME. */
static struct ds_aws_text unquote(struct ds_aws_text t)
{
	if (t.len >= 2 && (t.text[0] == '"' || t.text[0] == '\'') && t.text[t.len - 1] == t.text[0])
		return (struct ds_aws_text){ t.text + 1, t.len - 2 };
	return t;
}

struct state {
	struct ds_aws_profile *profile;
	enum ds_aws_file file;
	const char *name;
	bool inside;		/* of a section of that name */
	bool full;		/* "[profile NAME]" was seen: beside it "[default]" does not count */
	bool has_setting;	/* since the section began */
	size_t indent;		/* of the last setting */
	unsigned line;
};

static void bad(struct state *s)
{
	if (!s->profile->bad_line)
		s->profile->bad_line = s->line;
}

/* "[profile default]" takes the place of whatever "[default]" (plain) said. */
static void enter(struct state *s, bool plain)
{
	if (plain && s->full)
		return;
	if (!plain && !s->full) {
		s->full = true;
		memset(s->profile->settings, 0, sizeof(s->profile->settings));
	}
	s->inside = true;
	s->profile->found = true;
}

static void take_section(struct state *s, struct ds_aws_text t)
{
	static const char prefix[] = "profile";
	const size_t n = sizeof(prefix) - 1;
	const char *close = memchr(t.text, ']', t.len);

	s->inside = s->has_setting = false;
	if (!close) {
		bad(s);
		return;
	}
	t = trim((struct ds_aws_text){ t.text + 1, (size_t)(close - t.text) - 1 });
	if (s->file == DS_AWS_FILE_CREDENTIALS) {
		if (is(unquote(t), s->name))
			enter(s, true);
	} else if (t.len > n && !memcmp(t.text, prefix, n) && is_blank(t.text[n])) {
		if (is(unquote(trim((struct ds_aws_text){ t.text + n, t.len - n })), s->name))
			enter(s, false);
	} else if (is(t, "default") && !strcmp(s->name, "default")) {
		enter(s, true);
	}
}

static void take_setting(struct state *s, struct ds_aws_text t)
{
	struct ds_aws_text key, value;
	size_t at = 0;

	while (at < t.len && t.text[at] != '=' && t.text[at] != ':')
		at++;
	if (at == t.len || !at) {
		bad(s);
		return;
	}
	if (!s->inside)
		return;
	key = trim((struct ds_aws_text){ t.text, at });
	value = trim(before_comment((struct ds_aws_text){ t.text + at + 1, t.len - at - 1 }));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (key.len == strlen(names[i].name) &&
		    !strncasecmp(key.text, names[i].name, key.len))
			s->profile->settings[names[i].setting] =
				value.len ? value : (struct ds_aws_text){ 0 };
}

static void take_line(struct state *s, struct ds_aws_text line)
{
	struct ds_aws_text t = trim(line);
	size_t indent = (size_t)(t.text - line.text);

	if (!t.len || t.text[0] == '#' || t.text[0] == ';')
		return;
	if (s->has_setting && indent > s->indent)
		return;		/* belongs to the setting before it */
	if (t.text[0] == '[') {
		take_section(s, t);
		return;
	}
	s->has_setting = true;
	s->indent = indent;
	take_setting(s, t);
}

void ds_aws_profile_parse(struct ds_aws_profile *ret_profile, enum ds_aws_file file,
			  const char *text, size_t len, const char *name)
{
	struct state s = { .profile = ret_profile, .file = file, .name = name };

	*ret_profile = (struct ds_aws_profile){ 0 };
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {	/* the mark of some editors */
		text += 3;
		len -= 3;
	}
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		s.line++;
		take_line(&s, (struct ds_aws_text){ text, n });
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
}

/* Of either file. */
static struct ds_aws_text either(const struct ds_aws_profile *config,
				 const struct ds_aws_profile *credentials,
				 enum ds_aws_setting setting)
{
	return credentials->settings[setting].text ? credentials->settings[setting] :
						     config->settings[setting];
}

/* Whether the file has keys, or half of them. */
static bool keys_of(const struct ds_aws_profile *p, struct ds_aws_way *way)
{
	way->key_id = p->settings[DS_AWS_SETTING_KEY_ID];
	way->secret = p->settings[DS_AWS_SETTING_SECRET];
	way->token = p->settings[DS_AWS_SETTING_TOKEN];
	if (!way->key_id.text && !way->secret.text)
		return false;
	way->kind = DS_AWS_WAY_KEYS;
	if (!way->key_id.text || !way->secret.text) {
		way->kind = DS_AWS_WAY_FAULT;
		way->why = way->key_id.text ? "has aws_access_key_id without aws_secret_access_key" :
					      "has aws_secret_access_key without aws_access_key_id";
	}
	return true;
}

static bool role_of(const struct ds_aws_profile *config, const struct ds_aws_profile *credentials,
		    struct ds_aws_way *way)
{
	way->role_arn = either(config, credentials, DS_AWS_SETTING_ROLE_ARN);
	way->token_file = either(config, credentials, DS_AWS_SETTING_TOKEN_FILE);
	way->session_name = either(config, credentials, DS_AWS_SETTING_SESSION_NAME);
	if (!way->role_arn.text && !way->token_file.text)
		return false;
	way->kind = DS_AWS_WAY_FAULT;
	if (!way->role_arn.text)
		way->why = "has web_identity_token_file without role_arn";
	else if (either(config, credentials, DS_AWS_SETTING_SOURCE_PROFILE).text ||
		 either(config, credentials, DS_AWS_SETTING_CREDENTIAL_SOURCE).text)
		way->why = "takes a role from other credentials (role_arn with source_profile or "
			   "credential_source), which drainsnoop does not do: set the environment "
			   "by `aws configure export-credentials --format env`";
	else if (!way->token_file.text)
		way->why = "has role_arn without web_identity_token_file";
	else
		way->kind = DS_AWS_WAY_WEB_IDENTITY;
	return true;
}

void ds_aws_profile_way(const struct ds_aws_profile *config,
			const struct ds_aws_profile *credentials, struct ds_aws_way *ret_way)
{
	*ret_way = (struct ds_aws_way){ .kind = DS_AWS_WAY_NONE };
	if (role_of(config, credentials, ret_way))
		return;
	if (either(config, credentials, DS_AWS_SETTING_SSO).text) {
		ret_way->kind = DS_AWS_WAY_FAULT;
		ret_way->why = "signs on by SSO, which drainsnoop does not do: set the environment "
			       "by `aws configure export-credentials --format env`";
		return;
	}
	if (keys_of(credentials, ret_way))
		return;
	if (either(config, credentials, DS_AWS_SETTING_PROCESS).text) {
		ret_way->kind = DS_AWS_WAY_FAULT;
		ret_way->why = "has credential_process, and drainsnoop runs no other program: set the "
			       "environment by `aws configure export-credentials --format env`";
		return;
	}
	(void)keys_of(config, ret_way);		/* not: NONE */
}
