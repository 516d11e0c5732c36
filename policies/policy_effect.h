/*
 * policy_effect.h - what happens when a key changes under running calls: a kind for each row of policy_key.c.
 */
#ifndef PYBOX_POLICY_EFFECT_H
#define PYBOX_POLICY_EFFECT_H

typedef enum PolicyEffect
{
	POLICY_EFFECT_UNSAID, /* of keys that only hold others */
	POLICY_EFFECT_ONCE,	  /* in force at once, and nobody is any the worse for it */
	POLICY_EFFECT_ORDER,  /* who waits is judged anew */
	POLICY_EFFECT_SLOTS,  /* calls may run beyond a lower one until they end */
	POLICY_EFFECT_BUDGET, /* memory stays reserved beyond a lower one until calls end */
	POLICY_EFFECT_QUEUE,  /* calls may wait beyond a lower one */
	POLICY_EFFECT_LATER,  /* for calls that come from now on */
	POLICY_EFFECT_LIMIT,  /* running calls keep the old one; sessions get new interpreters */
	POLICY_EFFECT_SPARES,
	POLICY_EFFECT_LAYERS,
	POLICY_EFFECT_ASSIGN, /* running calls stay where they are */
	POLICY_EFFECT_FILTER, /* queued calls too */
	POLICY_EFFECT_CAP,	  /* running calls do not count against a new one */
	POLICY_EFFECT_RULE,	  /* calls that it is about already too */
	POLICY_EFFECT_RULES,  /* a new one is for calls that come from now on */
	POLICY_EFFECT_OVERDRAFT,
	POLICY_EFFECT_WINDOW, /* accounts begin anew */
	POLICY_EFFECT_COUNT
} PolicyEffect;

#endif
