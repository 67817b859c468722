/* main.c: `loam COMMAND ...`. */
#include "tool.h"

#include <loam/version.h>

#include <stdio.h>
#include <string.h>

static const tool_command *const commands[] = {&tool_record, &tool_replay, &tool_stats,
                                               &tool_view,   &tool_export, &tool_doctor};

enum { COMMANDS = sizeof commands / sizeof(const void *) };

static void print_help(FILE *to)
{
    (void)fputs("Usage: loam COMMAND ...\n\nLooks at what programs do with memory.\n\nCommands:\n",
                to);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    (void)fputs(
        "\nOptions:\n"
        "  -h, --help     this text; `loam COMMAND --help` tells about a command\n"
        "  -V, --version  the version of loam\n"
        "\nExit codes: 0 done; 1 bad input, or refused by the system; 2 wrong command line;\n"
        "`loam record` ends as the program does, and with 125 where it failed itself.\n",
        to);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help(stdout);
        return tool_end_output(EXIT_GOOD);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("loam %d.%d.%d\n", LOAM_VERSION_MAJOR, LOAM_VERSION_MINOR, LOAM_VERSION_PATCH);
        return tool_end_output(EXIT_GOOD);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(word, commands[i]->name) == 0) {
            tool_set_command(commands[i]);
            return tool_end_output(commands[i]->run(argc - 1, argv + 1));
        }
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    tool_usage("there is no command '%s'", word);
}
