/*
 * policy_setting.h - a policy as a flat list of settings: path, value on a line, line of the source.
 */
#ifndef PYBOX_POLICY_SETTING_H
#define PYBOX_POLICY_SETTING_H

#include "policies/policy_key.h"

#define POLICY_SETTING_PATH_SIZE 512

typedef struct PolicySetting
{
	char *path;			  /* such as "pools.etl.slots", "rules.runaway.when", "caps[role: etl].slots" */
	size_t group;		  /* bytes of path that name the pool or entry it is of; 0: of none */
	char *value;		  /* as YAML */
	int line;			  /* of the source, 0: not said there */
	int section;		  /* row of policy_keys */
	const PolicyKey *key; /* its own row */
	int32_t index;		  /* of the pool or entry */
} PolicySetting;

typedef struct PolicySettings
{
	PolicySetting *rows;
	int count, room;
} PolicySettings;

/*
 * Lists what is in force by a policy, in the order of the tables; text: what it was made from. Keys that say nothing when they
 * are left out are listed only where they are said. Returns 0, or -1 with *error filled in; the caller frees in both cases.
 */
int policy_settings_list(const Policy *policy, const char *text, size_t length, PolicySettings *settings,
						 PolicyError *error);
void policy_settings_free(PolicySettings *settings);

#endif
