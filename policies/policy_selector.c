/*
 * policy_selector.c - which calls a cap, filter, rule or budget is about.
 */
#include "policies/policy.h"

#include <string.h>

static bool
text_holds(const char *wanted, const char *actual)
{
	return wanted[0] == '\0' || (actual != NULL && strcmp(wanted, actual) == 0);
}

bool
policy_selector_holds(const PolicySelector *who, const PolicyCaller *caller, int32_t pool)
{
	if (who->pool != POLICY_NO_POOL && who->pool != pool)
		return false;
	if (!text_holds(who->function, caller->function) || !text_holds(who->database, caller->database))
		return false;
	return text_holds(who->role, caller->role) ||
		   (caller->is_member != NULL && caller->is_member(caller->arg, who->role));
}
