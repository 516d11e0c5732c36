/* launcher_lease.h - requests for an interpreter, and who gets the next one. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_LEASE_H
#define PYBOX_LAUNCHER_LEASE_H

#include "sandbox/launcher_backend.h"
#include "sandbox/launcher_zygote.h"

struct Lease
{
	Lease *next;
	Backend *backend;
	ControlMessage request;
};

/* Answers at once, or when a spare is armed: the zygote keeps the request until then. */
void lease_request(Backend *backend, const ControlMessage *request);
/* Hands spares to who waits. */
void lease_serve(Zygote *zygote);
int lease_count(const Zygote *zygote);
void lease_refuse_all(Zygote *zygote, ControlRefusal refusal, uint32_t layers, const char *reason);
/* Asks again for all who wait, by the policy of now: the zygote serves no more. */
void lease_move_all(Zygote *zygote);
void lease_forget(Launcher *launcher, const Backend *backend);
/* Of the backend's requests the one with this generation, if it still waits. */
void lease_withdraw(const Backend *backend, uint64_t request);

#endif
