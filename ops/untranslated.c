/*
 * untranslated.c - preloaded into a server under the address sanitizer: no translations of messages.
 *
 * With the sanitizer's runtime preloaded, glibc's lock around the text domains is left locked, and the server's start waits
 * for it for ever. The tests read no translations.
 */
char *textdomain(const char *domain);
char *bindtextdomain(const char *domain, const char *folder);
char *bind_textdomain_codeset(const char *domain, const char *codeset);

char *
textdomain(const char *domain)
{
	return (char *) domain;
}

char *
bindtextdomain(const char *domain, const char *folder)
{
	(void) domain;
	return (char *) folder;
}

char *
bind_textdomain_codeset(const char *domain, const char *codeset)
{
	(void) domain;
	return (char *) codeset;
}
