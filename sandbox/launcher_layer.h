/* launcher_layer.h - which layers the machine has, and which a pool wants. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_LAYER_H
#define PYBOX_LAUNCHER_LAYER_H

#include "sandbox/launcher.h"

/* Tries every layer and tells the scheduler. Fills layers and layer_errors. */
void launcher_layer_probe(Launcher *launcher);
/* LAYER_BITs that a pool's interpreters are given where the machine has them. */
uint32_t launcher_layer_wanted(const PolicyPool *pool, bool trusted);
/* LAYER_BITs without which a lease of the pool is refused. */
uint32_t launcher_layer_needed(const Launcher *launcher, const PolicyPool *pool, bool trusted);
/* "seccomp: Operation not permitted; landlock: ..." for each bit of missing. */
void launcher_layer_describe(const Launcher *launcher, uint32_t missing, char *text, size_t size);

#endif
