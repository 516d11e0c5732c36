/*
 * top_screen.h - the terminal: shows canvases, reads keys, and is given back however the program ends.
 */
#ifndef PYBOX_TOP_SCREEN_H
#define PYBOX_TOP_SCREEN_H

#include <stdbool.h>

#include "ops/top_canvas.h"

#define SCREEN_NO_KEY (-1)
#define SCREEN_RESIZED (-2)

/* False, with words on stderr: this terminal will not do. */
bool screen_open(bool is_plain);
void screen_close(void);
void screen_size(int *rows, int *columns);
void screen_show(const TopCanvas *canvas);
/* Does not wait. A character or a KEY_OF_ of top_keys.h. */
int32_t screen_key(void);
TextCharset screen_charset(void); /* of the locale; needs no open screen */

#endif
