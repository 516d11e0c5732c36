/*
 * launcher_watch.h - looks at leased interpreters now and then: those that run when they should not. Runs in the launcher.
 */
#ifndef PYBOX_LAUNCHER_WATCH_H
#define PYBOX_LAUNCHER_WATCH_H

#include "sandbox/launcher_interpreter.h"

/* Makes the page and its descriptor. Returns 0 or -errno. */
int watch_make(Interpreter *interpreter);
/* It is leased from now on; the descriptor has been handed over. */
void watch_begin(Interpreter *interpreter);
/* It is due: stops what uses CPU time between calls, ends what is long past its wall limit. The interpreter is not freed. */
void watch_look(Interpreter *interpreter, int64_t now_ms);
/* Its backend is about to run it with this weight: it is looked at soon. */
void watch_weigh(Interpreter *interpreter, int32_t weight, int64_t now_ms);
void watch_forget(Interpreter *interpreter);

#endif
