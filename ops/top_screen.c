/*
 * top_screen.c - see top_screen.h. The one file of pybox-top that knows curses.
 */
#include "ops/top_keys.h"
#include "ops/top_screen.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ESCAPE_DELAY_MS 25
#define CONTROL_L 12

/* With colours and without, by TopStyle. */
static const struct
{
	short color; /* -1: the terminal's own */
	attr_t colored, plain;
} styles[STYLE_COUNT] = {
	[STYLE_PLAIN] = {-1, A_NORMAL, A_NORMAL},
	[STYLE_STRONG] = {-1, A_BOLD, A_BOLD},
	[STYLE_TITLE] = {-1, A_REVERSE, A_REVERSE},
	[STYLE_SELECTED] = {COLOR_CYAN, A_REVERSE, A_REVERSE | A_BOLD},
	[STYLE_QUIET] = {-1, A_DIM, A_NORMAL},
	[STYLE_GOOD] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
	[STYLE_WARNING] = {COLOR_YELLOW, A_BOLD, A_BOLD},
	[STYLE_BAD] = {COLOR_RED, A_BOLD, A_BOLD | A_REVERSE},
};

/* What curses calls keys, and those that are characters for it. */
static const struct
{
	bool is_function;
	wint_t code;
	int32_t key;
} special_keys[] = {
	{true, KEY_UP, KEY_OF_UP},			 {true, KEY_DOWN, KEY_OF_DOWN},	  {true, KEY_PPAGE, KEY_OF_PAGE_UP},
	{true, KEY_NPAGE, KEY_OF_PAGE_DOWN}, {true, KEY_HOME, KEY_OF_FIRST},  {true, KEY_END, KEY_OF_LAST},
	{true, KEY_BACKSPACE, KEY_OF_BACK},	 {true, KEY_ENTER, KEY_OF_ENTER}, {true, KEY_RESIZE, SCREEN_RESIZED},
	{false, '\n', KEY_OF_ENTER},		 {false, '\r', KEY_OF_ENTER},	  {false, 27, KEY_OF_ESCAPE},
	{false, '\t', KEY_OF_TAB},			 {false, 127, KEY_OF_BACK},		  {false, 8, KEY_OF_BACK},
	{false, CONTROL_L, SCREEN_RESIZED},
};

static SCREEN *screen;
static bool has_colors_on;

TextCharset
screen_charset(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? TEXT_UTF8 : TEXT_ASCII;
}

static void
colors_open(void)
{
	has_colors_on = start_color() == OK && use_default_colors() == OK;
	for (short style = 0; has_colors_on && style < STYLE_COUNT; style++)
		init_pair((short) (style + 1), styles[style].color, -1);
}

bool
screen_open(bool is_plain)
{
	const char *terminal = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
	{
		fputs("pybox-top: standard input and output are not a terminal. Use --once or --json.\n", stderr);
		return false;
	}
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
	{
		fprintf(stderr, "pybox-top: a terminal of type \"%s\" is not known here. Set TERM, or use --once.\n",
				terminal != NULL ? terminal : "");
		return false;
	}
	atexit(screen_close);
	set_escdelay(ESCAPE_DELAY_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	if (!is_plain && has_colors())
		colors_open();
	return true;
}

void
screen_close(void)
{
	if (screen != NULL && !isendwin())
		endwin();
}

void
screen_size(int *rows, int *columns)
{
	getmaxyx(stdscr, *rows, *columns);
}

void
screen_show(const TopCanvas *canvas)
{
	erase();
	for (int i = 0; i < canvas->count; i++)
	{
		const TopPiece *piece = &canvas->pieces[i];

		if (has_colors_on)
			attr_set(styles[piece->style].colored, (short) (piece->style + 1), NULL);
		else
			attrset(styles[piece->style].plain);
		mvaddstr(piece->row, piece->column, piece->text);
	}
	attrset(A_NORMAL);
	refresh();
}

int32_t
screen_key(void)
{
	wint_t code;
	int got = wget_wch(stdscr, &code);

	if (got == ERR)
		return SCREEN_NO_KEY;
	for (size_t i = 0; i < sizeof(special_keys) / sizeof(special_keys[0]); i++)
	{
		if (special_keys[i].is_function != (got == KEY_CODE_YES) || special_keys[i].code != code)
			continue;
		if (code == CONTROL_L)
			clearok(stdscr, TRUE);
		return special_keys[i].key;
	}
	return got == KEY_CODE_YES ? SCREEN_RESIZED : (int32_t) code;
}
