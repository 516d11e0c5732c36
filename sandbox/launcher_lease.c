/*
 * launcher_lease.c - who waits for an interpreter, and who is told that there will be none. Runs in the launcher.
 */
#include "sandbox/launcher_lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/fault.h"
#include "sandbox/launcher_layer.h"

static void
lease_refuse(Backend *backend, const ControlMessage *request, ControlRefusal refusal, uint32_t layers,
			 const char *reason)
{
	ControlMessage answer = *request;

	answer.kind = CONTROL_REFUSED;
	answer.status = (int32_t) refusal;
	answer.layers = layers;
	snprintf(answer.text, sizeof(answer.text), "%s", reason);
	backend_send(backend, &answer, NULL, 0);
}

/* Several failures in a row, and no new try is due: who comes now need not wait to hear the same. */
static bool
lease_is_hopeless(const Zygote *zygote)
{
	return zygote->failures > 1 && zygote->counts[INTERPRETER_SPARE] == 0 && launcher_now_ms() < zygote->retry_ms &&
		   zygote->reason[0] != '\0';
}

static void
lease_enqueue(Zygote *zygote, Backend *backend, const ControlMessage *request)
{
	Lease *lease = calloc(1, sizeof(*lease));

	if (lease == NULL)
	{
		lease_refuse(backend, request, CONTROL_REFUSED_LIMIT, 0, "the launcher is out of memory");
		return;
	}
	lease->backend = backend;
	lease->request = *request;
	lease->request.status |= zygote->leases != NULL || interpreter_spare(zygote) == NULL; /* it has to wait */
	*zygote->leases_end = lease;
	zygote->leases_end = &lease->next;
}

/*
 * The pool that serves a request: a call that had begun when a reload took its pool away goes where those go that nothing is
 * said of, as it does in the queue.
 */
static int
lease_pool(const Policy *policy, const char *name)
{
	PolicyCaller nobody = {.function = NULL, .role = "", .database = ""};
	int number = policy_pool_find(policy, name);
	const PolicyAssign *fallback;
	const char *why;

	if (number >= 0)
		return number;
	fallback = policy_assign_find(policy, &nobody, &why);
	return fallback != NULL ? fallback->pool : -1;
}

void
lease_request(Backend *backend, const ControlMessage *request)
{
	Launcher *launcher = backend->launcher;
	bool trusted = request->trusted != 0;
	int number = lease_pool(&launcher->policy, request->pool);
	const PolicyPool *pool = number < 0 ? NULL : &launcher->policy.pools[number];
	uint32_t missing = pool == NULL ? 0 : policy_layers_missing(&launcher->policy, pool, trusted, launcher->layers);
	Zygote *zygote = pool == NULL || missing != 0 ? NULL : zygote_obtain(launcher, pool, trusted);
	char reason[CONTROL_TEXT_SIZE];

	if (request->id > launcher->policy_generation)
		lease_refuse(backend, request, CONTROL_REFUSED_EARLY, 0, "the launcher has yet to hear of the policy");
	else if (pool == NULL)
		lease_refuse(backend, request, CONTROL_REFUSED_POOL, 0, "the policy in force has no such pool");
	else if (missing != 0)
	{
		launcher_layer_describe(launcher, missing, reason, sizeof(reason));
		lease_refuse(backend, request, CONTROL_REFUSED_LAYER, missing, reason);
	}
	else if (FAULT_POINT("launcher.lease") < 0)
		lease_refuse(backend, request, CONTROL_REFUSED_START, 0, strerror(EIO));
	else if (zygote == NULL)
		lease_refuse(backend, request, CONTROL_REFUSED_START, 0, "its limits could not be put into a plan");
	else if (lease_is_hopeless(zygote))
		lease_refuse(backend, request, CONTROL_REFUSED_START, 0, zygote->reason);
	else if (launcher->interpreter_count >= launcher->interpreter_max && interpreter_spare(zygote) == NULL)
	{
		snprintf(reason, sizeof(reason), "%d interpreters are running", launcher->interpreter_count);
		lease_refuse(backend, request, CONTROL_REFUSED_LIMIT, 0, reason);
	}
	else
	{
		zygote->keeps_spares = true;
		lease_enqueue(zygote, backend, request);
		zygote_advance(zygote);
	}
}

static Lease *
lease_dequeue(Zygote *zygote)
{
	Lease *lease = zygote->leases;

	if (lease == NULL)
		return NULL;
	zygote->leases = lease->next;
	if (zygote->leases == NULL)
		zygote->leases_end = &zygote->leases;
	return lease;
}

void
lease_serve(Zygote *zygote)
{
	Interpreter *spare;

	while (zygote->leases != NULL && (spare = interpreter_spare(zygote)) != NULL)
	{
		Lease *lease = lease_dequeue(zygote);

		interpreter_hand_over(spare, lease->backend, &lease->request);
		free(lease);
	}
}

int
lease_count(const Zygote *zygote)
{
	int count = 0;

	for (const Lease *lease = zygote->leases; lease != NULL; lease = lease->next)
		count++;
	return count;
}

void
lease_refuse_all(Zygote *zygote, ControlRefusal refusal, uint32_t layers, const char *reason)
{
	Lease *lease;

	while ((lease = lease_dequeue(zygote)) != NULL)
	{
		lease_refuse(lease->backend, &lease->request, refusal, layers, reason);
		free(lease);
	}
}

void
lease_move_all(Zygote *zygote)
{
	Lease *lease;

	while ((lease = lease_dequeue(zygote)) != NULL)
	{
		lease_request(lease->backend, &lease->request);
		free(lease);
	}
}

/* request: its generation; 0: all of the backend's. */
static void
lease_forget_in(Zygote *zygote, const Backend *backend, uint64_t request)
{
	Lease **link = &zygote->leases;

	while (*link != NULL)
	{
		Lease *lease = *link;

		if (lease->backend == backend && (request == 0 || lease->request.generation == request))
		{
			*link = lease->next;
			free(lease);
		}
		else
			link = &lease->next;
	}
	zygote->leases_end = link;
}

void
lease_forget(Launcher *launcher, const Backend *backend)
{
	for (Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = zygote->next)
		lease_forget_in(zygote, backend, 0);
}

void
lease_withdraw(const Backend *backend, uint64_t request)
{
	for (Zygote *zygote = backend->launcher->zygotes; zygote != NULL && request != 0; zygote = zygote->next)
		lease_forget_in(zygote, backend, request);
}
