/* doctor_print.c - what the doctor found, as a table with the commands below it, or as JSON. */
#include "sandbox/doctor.h"

#include <stdio.h>
#include <string.h>

static const char *const needed_names[] = {"-", "pybox", "pyboxu", "pybox, pyboxu"};

static void
print_table(const Doctor *doctor)
{
	int width = 5;

	for (int i = 0; i < doctor->finding_count; i++)
		if ((int) strlen(doctor->findings[i].name) > width)
			width = (int) strlen(doctor->findings[i].name);
	printf("%-*s  works  needed by      how, or why not\n", width, "layer");
	for (int i = 0; i < doctor->finding_count; i++)
	{
		const DoctorFinding *finding = &doctor->findings[i];
		int rest = finding->why[0] == '\0' ? 0 : 15;

		printf("%-*s  %-5s  %-*s%s\n", width, finding->name, finding->works ? "yes" : "no", rest,
			   needed_names[finding->needed_by], finding->why);
	}
}

/* Layers with the same commands are named together. */
static void
print_mend(const Doctor *doctor, int first)
{
	const char *mend = doctor->findings[first].mend;

	for (int i = 0; i < first; i++)
		if (strcmp(doctor->findings[i].mend, mend) == 0)
			return;
	printf("\n# As root, to have");
	for (int i = first; i < doctor->finding_count; i++)
		if (strcmp(doctor->findings[i].mend, mend) == 0)
			printf("%s %s", i > first ? "," : "", doctor->findings[i].name);
	printf(":\n%s\n", mend);
}

void
doctor_print_text(const Doctor *doctor)
{
	int missing = doctor_required_missing(doctor);

	print_table(doctor);
	for (int i = 0; i < doctor->finding_count; i++)
		if (doctor->findings[i].mend[0] != '\0')
			print_mend(doctor, i);
	printf("\nTried as user %s in %ld ms: ", doctor->what.user, doctor->milliseconds);
	if (missing == 0)
		printf("all that the policy requires is there.\n");
	else
		printf("%d of what the policy requires is missing, and calls that need it are refused.\n", missing);
}

static void
json_string(const char *name, const char *text, const char *end)
{
	printf("\"%s\": \"", name);
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char) *text < ' ')
			printf("\\u%04x", (unsigned) *text);
		else
			putchar(*text);
	}
	printf("\"%s", end);
}

static void
json_finding(const DoctorFinding *finding, const char *end)
{
	static const char *const needed[] = {"", "\"pybox\"", "\"pyboxu\"", "\"pybox\", \"pyboxu\""};

	printf("    {");
	json_string("name", finding->name, ", ");
	printf("\"works\": %s, \"needed_by\": [%s], ", finding->works ? "true" : "false", needed[finding->needed_by]);
	json_string(finding->works ? "detail" : "reason", finding->why, ", ");
	json_string("cause", finding->cause, ", ");
	json_string("mend", finding->mend, "}");
	printf("%s\n", end);
}

void
doctor_print_json(const Doctor *doctor)
{
	printf("{\n  ");
	json_string("user", doctor->what.user, ",\n  ");
	json_string("cgroup", doctor->options.cgroup == NULL ? "" : doctor->options.cgroup, ",\n");
	printf("  \"milliseconds\": %ld,\n  \"required_missing\": %d,\n  \"findings\": [\n", doctor->milliseconds,
		   doctor_required_missing(doctor));
	for (int i = 0; i < doctor->finding_count; i++)
		json_finding(&doctor->findings[i], i + 1 < doctor->finding_count ? "," : "");
	printf("  ]\n}\n");
}
