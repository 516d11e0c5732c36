/* timer.h - what only the passing of time brings about in the queue: quanta that are over, ages that are reached. */
#ifndef PYBOX_TIMER_H
#define PYBOX_TIMER_H

#include "postgres.h"

#include "utils/timestamp.h"

/* Looks at the queue where that is due. Returns in how many ms to look again, -1: when it is woken. */
long timer_tick(TimestampTz now);

#endif
