/*
 * policy_default.c - the policy in force until a file is named. laptop.yaml says the same with the reasons.
 */
#include "policies/policy.h"

static const char default_text[] = "version: 1\n"
								   "pools:\n"
								   "  interactive:\n"
								   "    priority: 50\n"
								   "    queue: {length: 100, timeout: 1min}\n"
								   "    limits: {memory: 1GB, wall: 10min, output: 256MB}\n"
								   "    preload: [collections, datetime, decimal, json, math, re, statistics]\n"
								   "    idle_timeout: 10min\n"
								   "    spares: 1\n"
								   "  batch:\n"
								   "    priority: 10\n"
								   "    queue: {length: 1000, timeout: 1h}\n"
								   "    limits: {memory: 2GB, wall: 6h, tmp: 256MB, output: 1GB}\n"
								   "    preload: [collections, datetime, decimal, json, math, re, statistics]\n"
								   "    idle_timeout: 1min\n"
								   "    spares: 0\n"
								   "assign:\n"
								   "  - {pool: interactive}\n";

const char *
policy_default_text(void)
{
	return default_text;
}
