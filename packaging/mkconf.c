/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints the example lsaiso.conf: every key, its help, its default, commented out. */
#include <stdio.h>
#include <string.h>

#include "lib/config.h"

static void
print_help(const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column == 0 || column + word > 76)
			column = (size_t)printf("%s# ", column == 0 ? "" : "\n") - 1;
		else
			column += (size_t)printf(" ");
		column += (size_t)printf("%.*s", (int)word, text);
		text += word + strspn(text + word, " ");
	}
	(void)putchar('\n');
}

int
main(void)
{
	const char *section = "";
	const struct config_key *key;

	(void)printf("# lsaiso.conf(5). Lines that are commented out show the default.\n"
		     "# Settings of other packages and of this host can go to files of their\n"
		     "# own: /etc/lsaiso/lsaiso.conf.d/NAME.conf.\n");
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		if (strcmp(section, key->section) != 0)
			(void)printf("\n[%s]\n", key->section);
		section = key->section;
		print_help(key->help);
		if (key->words != NULL)
			(void)printf("# one of: %s\n", key->words);
		(void)printf("#%s =%s%s\n", key->key, key->def[0] != '\0' ? " " : "", key->def);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
