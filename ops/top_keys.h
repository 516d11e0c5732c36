/*
 * top_keys.h - the keys of pybox-top: a table, of which the help screen, the hints and the documentation are made. Pure.
 */
#ifndef PYBOX_TOP_KEYS_H
#define PYBOX_TOP_KEYS_H

#include "ops/top_model.h"

/* Keys that stand for no character; the others are the character. */
enum
{
	KEY_OF_UP = 0x110000,
	KEY_OF_DOWN,
	KEY_OF_PAGE_UP,
	KEY_OF_PAGE_DOWN,
	KEY_OF_FIRST,
	KEY_OF_LAST,
	KEY_OF_BACK, /* backspace */
	KEY_OF_ENTER,
	KEY_OF_ESCAPE,
	KEY_OF_TAB
};

typedef struct TopKey
{
	int32_t key;
	const char *name; /* as the help writes it */
	const char *hint; /* one word for the last line of the screen; NULL: not there */
	const char *help;
	unsigned screens; /* bits 1 << TopScreenName where it does something */
	void (*press)(TopModel *model, const struct TopKey *key);
	const TopAction *action; /* of press, if it is one; on a row of list */
	int value;				 /* of press: how far, which list, which screen */
} TopKey;

extern const TopKey top_keys[];
extern const int top_key_count;

void key_press(TopModel *model, int32_t key);
/* What is asked in the last line, of MODEL_WORDS_SIZE bytes; empty when no dialog is open. */
void dialog_question(const TopModel *model, char *out);

#endif
