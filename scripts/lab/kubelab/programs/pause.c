// SPDX-License-Identifier: Apache-2.0
/* Holds a pod's sandbox: does nothing until it is told to end. As PID 1 it needs the handlers. */
#include <signal.h>
#include <unistd.h>

static void end(int number)
{
	(void)number;
	_exit(0);
}

int main(void)
{
	signal(SIGTERM, end);
	signal(SIGINT, end);
	for (;;)
		pause();
}
