/* policy_layer.c - which layers of the sandbox a pool's interpreters are given, and without which they are refused. */
#include "policies/policy.h"

#include "sandbox/layer.h"

/* Whether an untrusted pool gets a layer; a trusted one gets all. */
typedef enum LayerRule
{
	LAYER_ALWAYS,
	LAYER_OWED,		   /* always, and refused without, required by the policy or not */
	LAYER_WITHOUT_NET, /* owed by `net: none`; with `net: host` there is none */
	LAYER_WITHOUT_FS,  /* owed by `fs: none`; with `fs: host` there is none */
} LayerRule;

static const LayerRule layer_rules[LAYER_COUNT] = {
	[LAYER_MOUNT_NAMESPACE] = LAYER_OWED, /* without one, `fs: host` could not hide the data directory */
	[LAYER_NET_NAMESPACE] = LAYER_WITHOUT_NET,
	[LAYER_ROOT] = LAYER_WITHOUT_FS,
};

/* The filter lets a trusted function open files to read, since an import does: one of these has to keep it to Python's own. */
#define LAYERS_AROUND_FILES (LAYER_BIT(LAYER_ROOT) | LAYER_BIT(LAYER_LANDLOCK))

static bool
layer_is_given(LayerRule rule, const PolicyPool *pool)
{
	const bool given[] = {
		[LAYER_ALWAYS] = true,
		[LAYER_OWED] = true,
		[LAYER_WITHOUT_NET] = pool->net == POLICY_REACH_NONE,
		[LAYER_WITHOUT_FS] = pool->fs == POLICY_REACH_NONE,
	};

	return given[rule];
}

uint32_t
policy_layers_wanted(const PolicyPool *pool, bool trusted)
{
	uint32_t wanted = 0;

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		if (trusted || layer_is_given(layer_rules[layer], pool))
			wanted |= LAYER_BIT(layer);
	return wanted;
}

uint32_t
policy_layers_needed(const Policy *policy, const PolicyPool *pool, bool trusted)
{
	uint32_t needed = policy->require;

	for (int layer = 0; layer < LAYER_COUNT && !trusted; layer++)
		if (layer_rules[layer] != LAYER_ALWAYS)
			needed |= LAYER_BIT(layer);
	return needed & policy_layers_wanted(pool, trusted);
}

uint32_t
policy_layers_missing(const Policy *policy, const PolicyPool *pool, bool trusted, uint32_t have)
{
	uint32_t missing = policy_layers_needed(policy, pool, trusted) & ~have;

	return trusted && (have & LAYERS_AROUND_FILES) == 0 ? missing | LAYERS_AROUND_FILES : missing;
}
