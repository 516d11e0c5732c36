/* wire_spin.c - the memory of vain spins; see wire_spin.h. Runs in backend and child. */
#include "sandbox/wire_spin.h"

int
wire_spin_allowed(WireSpin *spin)
{
	if (spin->rest == 0)
		return 1;
	spin->rest--;
	return 0;
}

void
wire_spin_succeeded(WireSpin *spin)
{
	spin->penalty /= 2;
}

void
wire_spin_failed(WireSpin *spin, uint64_t spun_us, uint64_t slept_us)
{
	if (slept_us >= spun_us)
		return;
	spin->penalty *= 2;
	if (spin->penalty < WIRE_SPIN_REST_FIRST)
		spin->penalty = WIRE_SPIN_REST_FIRST;
	if (spin->penalty > WIRE_SPIN_REST_LAST)
		spin->penalty = WIRE_SPIN_REST_LAST;
	spin->rest = spin->penalty;
}
