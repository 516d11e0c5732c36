/* launcher_layer.h - which layers the machine has, how, and why not. Runs in the launcher and in `pybox doctor`. */
#ifndef PYBOX_LAUNCHER_LAYER_H
#define PYBOX_LAUNCHER_LAYER_H

#include "sandbox/launcher.h"

#define LAUNCHER_REASON_SIZE 256

/* Tries every layer of a mask. Fills layers and layer_errors. */
void launcher_layer_probe(Launcher *launcher, uint32_t mask);
/* Whether a jail's or lock-down's reason for not starting blames a layer. */
bool launcher_layer_is_blamed(const char *reason);
/* What of a layer works, such as "version 6"; or why it does not. */
void launcher_layer_detail(const Launcher *launcher, int layer, char *text, size_t size);
void launcher_layer_reason(const Launcher *launcher, int layer, char *text, size_t size);
/* "seccomp: Operation not permitted; landlock: ..." for each bit of missing. */
void launcher_layer_describe(const Launcher *launcher, uint32_t missing, char *text, size_t size);

#endif
