/* SPDX-License-Identifier: Apache-2.0 */
/* drainsnoop completion: what a shell has to know is in the tables of options. */
#include "user/completion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "user/environment.h"
#include "user/util/log.h"

typedef void each_option(struct ds_buf *buf, const struct argp_option *option);

/* The options of a command and of its children, but headings and what is hidden. */
static void for_each(struct ds_buf *buf, const struct argp *argp, each_option *fn)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
		if (o->name && !(o->flags & OPTION_HIDDEN))
			fn(buf, o);
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		for_each(buf, c->argp, fn);
}

static bool has_short(const struct argp_option *o)
{
	return o->key > 0 && o->key < 128 && isgraph(o->key);
}

static bool is_file(const char *arg)
{
	return arg && (!strcmp(arg, "FILE") || !strcmp(arg, "PATH"));
}

/* ---- bash ---- */

static void put_word(struct ds_buf *buf, const struct argp_option *o)
{
	ds_buf_printf(buf, " --%s", o->name);
	if (has_short(o))
		ds_buf_printf(buf, " -%c", o->key);
}

static void put_if_file(struct ds_buf *buf, const struct argp_option *o)
{
	if (is_file(o->arg))
		put_word(buf, o);
}

static void put_if_value(struct ds_buf *buf, const struct argp_option *o)
{
	if (o->arg && !is_file(o->arg))
		put_word(buf, o);
}

static void put_lists(struct ds_buf *buf, const struct ds_command *c)
{
	ds_buf_printf(buf, "\t%s)\n\t\toptions=' --help", c->name);
	if (c->argp)
		for_each(buf, c->argp, put_word);
	ds_buf_puts(buf, " '\n\t\tfiles=' ");
	if (c->argp)
		for_each(buf, c->argp, put_if_file);
	ds_buf_puts(buf, " '\n\t\tvalues=' ");
	if (c->argp)
		for_each(buf, c->argp, put_if_value);
	ds_buf_printf(buf, " '\n\t\targument='%s' ;;\n",
		      c->argp && is_file(c->argp->args_doc) ? "file" : "");
}

void ds_completion_bash(struct ds_buf *buf, const struct ds_command *commands)
{
	ds_buf_puts(buf, "# bash completion of drainsnoop, made by `drainsnoop completion bash`\n"
		    "_drainsnoop()\n{\n"
		    "\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n");
	ds_buf_printf(buf, "\tlocal command=%s commands='", commands[0].name);
	for (const struct ds_command *c = commands; c->name; c++)
		if (c->does)
			ds_buf_printf(buf, "%s%s", c == commands ? "" : " ", c->name);
	ds_buf_puts(buf, "' options='' files='' values='' argument=''\n"
		    "\t[[ $COMP_CWORD -lt 2 || ${COMP_WORDS[1]} == -* ]] || command=${COMP_WORDS[1]}\n"
		    "\tcase $command in\n");
	for (const struct ds_command *c = commands; c->name; c++)
		if (c->does)
			put_lists(buf, c);
	ds_buf_puts(buf, "\tesac\n"
		    "\tif [[ $files == *\" $before \"* ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
		    "\telif [[ $values == *\" $before \"* ]]; then\n"
		    "\t\tCOMPREPLY=()\n"
		    "\telif [[ $current == -* ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
		    "\telif [[ $COMP_CWORD -eq 1 ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\")\n"
		    "\telif [[ $argument == file ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
		    "\tfi\n}\n"
		    "complete -o filenames -F _drainsnoop drainsnoop\n");
}

/* ---- zsh ---- */

/* What is said of an option up to the end of its first sentence, within '[...]' of a spec. */
static void put_doc(struct ds_buf *buf, const char *doc)
{
	for (; *doc && *doc != ';' && strncmp(doc, ". ", 2); doc++) {
		if (*doc == '\'')
			ds_buf_puts(buf, "'\\''");
		else if (strchr("[]:\\", *doc))
			ds_buf_printf(buf, "\\%c", *doc);
		else
			ds_buf_putc(buf, *doc);
	}
}

static void put_value(struct ds_buf *buf, const struct argp_option *o)
{
	if (o->arg)
		ds_buf_printf(buf, ":%s:%s", o->arg, is_file(o->arg) ? "_files" : "");
}

static void put_spec(struct ds_buf *buf, const struct argp_option *o)
{
	const char *repeat = o->flags & DS_OPTION_REPEATABLE ? "*" : "";

	if (has_short(o)) {
		ds_buf_printf(buf, " \\\n\t\t\t'%s-%c%s[", repeat, o->key, o->arg ? "+" : "");
		put_doc(buf, o->doc);
		ds_buf_putc(buf, ']');
		put_value(buf, o);
		ds_buf_putc(buf, '\'');
	}
	ds_buf_printf(buf, " \\\n\t\t\t'%s--%s%s[", repeat, o->name, o->arg ? "=" : "");
	put_doc(buf, o->doc);
	ds_buf_putc(buf, ']');
	put_value(buf, o);
	ds_buf_putc(buf, '\'');
}

void ds_completion_zsh(struct ds_buf *buf, const struct ds_command *commands)
{
	ds_buf_printf(buf, "#compdef drainsnoop\n"
		      "# zsh completion of drainsnoop, made by `drainsnoop completion zsh`\n"
		      "_drainsnoop() {\n\tlocal command=%s\n\tlocal -a commands\n\tcommands=(\n",
		      commands[0].name);
	for (const struct ds_command *c = commands; c->name; c++) {
		if (!c->does)
			continue;
		ds_buf_printf(buf, "\t\t'%s:", c->name);
		put_doc(buf, c->does);
		ds_buf_puts(buf, "'\n");
	}
	ds_buf_puts(buf, "\t)\n"
		    "\tif [[ $words[2] != -* ]]; then\n"
		    "\t\tif (( CURRENT == 2 )); then\n\t\t\t_describe command commands\n\t\t\treturn\n"
		    "\t\tfi\n"
		    "\t\tcommand=$words[2]\n\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n"
		    "\tcase $command in\n");
	for (const struct ds_command *c = commands; c->name; c++) {
		if (!c->does)
			continue;
		ds_buf_printf(buf, "\t(%s)\n\t\t_arguments '--help[list the options]'", c->name);
		if (c->argp)
			for_each(buf, c->argp, put_spec);
		if (c->argp && is_file(c->argp->args_doc))
			ds_buf_puts(buf, " \\\n\t\t\t':FILE:_files'");
		ds_buf_puts(buf, " ;;\n");
	}
	ds_buf_puts(buf, "\tesac\n}\n"
		    "if [[ $zsh_eval_context == *func ]]; then _drainsnoop \"$@\"; "
		    "else compdef _drainsnoop drainsnoop; fi\n");
}

int ds_command_completion(const struct ds_options *options)
{
	struct ds_buf buf = { 0 };
	bool written;

	if (options->zsh)
		ds_completion_zsh(&buf, ds_commands);
	else
		ds_completion_bash(&buf, ds_commands);
	written = !buf.failed && fwrite(buf.data, 1, buf.len, stdout) == buf.len && !fflush(stdout);
	ds_buf_free(&buf);
	if (!written)
		ds_log_warn("could not write the script to standard output");
	return written ? DS_EXIT_OK : DS_EXIT_ERROR;
}
