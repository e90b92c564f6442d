/* SPDX-License-Identifier: Apache-2.0 */
/* `drainsnoop completion bash` or `zsh`: one word, no options. */
#include <argp.h>

#include "user/commands.h"
#include "user/options_value.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const shells[] = { "bash", "zsh" };
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num)
			ds_value_no_argument(state, arg);
		o->zsh = ds_value_choice(state, "completion", shells, 2, arg) == 1;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "for which shell? Give bash or zsh");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp ds_argp_completion = {
	.parser = parse, .args_doc = "bash|zsh",
	.doc = "Print a completion script: source <(drainsnoop completion bash)",
};
