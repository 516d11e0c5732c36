/* launcher_weight.h - shares of the CPU that the kernel gives to pools and their interpreters. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_WEIGHT_H
#define PYBOX_LAUNCHER_WEIGHT_H

#include "sandbox/launcher_interpreter.h"

#define WEIGHT_USUAL 100 /* of an interpreter beside its pool's others */
#define WEIGHT_MAX 10000

/* Of an interpreter, 1..WEIGHT_MAX; what is outside of that is brought inside. */
void weight_set(Interpreter *interpreter, int32_t weight);
/* An interpreter that has another weight than the usual one was looked at: its pool's may be due to change. */
void weight_follow(const Interpreter *interpreter);
/* What a pool's group is to have when it is made. */
int32_t weight_of_pool(const Launcher *launcher, const char *pool);
/* The policy has changed: all groups there are get theirs. */
void weight_apply(const Launcher *launcher);

#endif
