/*
 * wire_spin.h - whether to spin before sleeping, learnt from how the last waits went. Pure; both ends have one each.
 *
 * DESIGN. Spinning pays when the other end runs on another core meanwhile. If there is none, the spinner holds the very core
 * that the other end wants: the spin is in vain and the answer comes as soon as it sleeps. So a vain spin that is
 * followed by a shorter sleep costs a rest, in which waits sleep at once; each further one doubles the rest, and a spin
 * that succeeds halves what the next would cost. A long sleep says nothing: the function is long, and the spin cheap beside it.
 */
#ifndef PYBOX_WIRE_SPIN_H
#define PYBOX_WIRE_SPIN_H

#include <stdint.h>

#define WIRE_SPIN_REST_FIRST 16
#define WIRE_SPIN_REST_LAST 4096

typedef struct WireSpin
{
	uint32_t rest;	  /* waits that are still to sleep at once */
	uint32_t penalty; /* how long the last rest was */
} WireSpin;

/* Call once for each wait: non-zero if it may spin. */
int wire_spin_allowed(WireSpin *spin);
/* The spin found what it waited for. */
void wire_spin_succeeded(WireSpin *spin);
/* It did not within spun_us, and then slept_us of sleep brought it. */
void wire_spin_failed(WireSpin *spin, uint64_t spun_us, uint64_t slept_us);

#endif
