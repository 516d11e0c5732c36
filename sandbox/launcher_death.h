/* launcher_death.h - the end of an interpreter: the kill, the cause, the notice. For the interpreter's own files only. */
#ifndef PYBOX_LAUNCHER_DEATH_H
#define PYBOX_LAUNCHER_DEATH_H

#include "sandbox/launcher_interpreter.h"

/* SIGKILL to it and all it started. */
void death_kill(const Interpreter *interpreter);
/* It is dead: tells its owner why, removes its group and frees it. status is as wait's. */
void death_conclude(Interpreter *interpreter, int status);
/* Frees one that never had a process. */
void death_forget(Interpreter *interpreter);

#endif
