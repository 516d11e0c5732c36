/*
 * top_details.h - everything that is known of one row, as lines from top to bottom.
 */
#ifndef PYBOX_TOP_DETAILS_H
#define PYBOX_TOP_DETAILS_H

#include "ops/top_canvas.h"
#include "ops/top_model.h"

void details_draw(TopCanvas *canvas, const TopModel *model, int row);

#endif
