/*
 * top_draw.h - the screens of pybox-top as pieces on a canvas. Pure; what shows a canvas comes after.
 */
#ifndef PYBOX_TOP_DRAW_H
#define PYBOX_TOP_DRAW_H

#include "ops/top_canvas.h"
#include "ops/top_model.h"

/* The screen that the model is at, rows high; scrolls the model's lists so that what is selected can be seen. */
void draw_screen(TopCanvas *canvas, TopModel *model, int rows);
/* Everything, as long as it is: for --once. */
void draw_all(TopCanvas *canvas, TopModel *model);

#endif
