/* record.c: `loam record`: runs a program with the preload library, and makes traces of its logs. */
#include "merge.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(int argc, char **argv);

const tool_command tool_record = {
    "record", "runs a program and writes down what it asks malloc for",
    "Usage: loam record [OPTIONS] -o FILE [--] PROGRAM [ARGUMENT...]\n"
    "       loam record [OPTIONS] -o FILE --finish FOLDER\n"
    "\n"
    "Runs PROGRAM and writes every call of malloc, calloc, realloc, free and their kin to FILE, a\n"
    "trace (.mtr), in the order in which they happened, with threads and times. The program must "
    "be\n"
    "dynamically linked. What a program did before it crashed or was killed is there as well.\n"
    "\n"
    "  -o, --output FILE  the trace; compressed if the name ends in .zst; - is standard output\n"
    "  -c, --children     also traces of the processes that PROGRAM starts: FILE.PROCESS.mtr;\n"
    "                     waits for all of them\n"
    "      --plain        version 1 of the format: calls only, without times and names\n"
    "      --limit SIZE   the most that the log of a process may take on disk while it runs; what\n"
    "                     comes later is counted and not recorded (default 8G; 16 bytes an event)\n"
    "      --keep-log     leaves the folder with the logs where it is, FILE.XXXXXX; so does a "
    "trace\n"
    "                     that could not be written\n"
    "      --finish       makes the traces from such a folder, if loam itself was killed\n"
    "  -q, --quiet        says nothing when all is well\n"
    "  -h, --help         this text\n"
    "\n"
    "If PROGRAM replaces itself (exec), FILE tells of the last program. The exit code is that of\n"
    "PROGRAM, 128 and the signal if one ended it, 126 or 127 if it could not be started, 125 if "
    "loam\n"
    "failed itself.\n",
    run};

typedef struct settings {
    const char *output, *finish;
    const char *library;
    uint64_t limit;
    bool children, plain, keep, quiet;
} settings;

/* A log in the folder. */
typedef struct log_file {
    uint64_t process, image;
} log_file;

/* ---- the command line ---- */

static settings read_options(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"children", no_argument, NULL, 'c'},
                                            {"plain", no_argument, NULL, 'p'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"keep-log", no_argument, NULL, 'k'},
                                            {"finish", required_argument, NULL, 'f'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    settings s = {.limit = UINT64_C(8) << 30};
    int option;

    while ((option = getopt_long(argc, argv, "+o:cqh", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            s.output = optarg;
            break;
        case 'c':
            s.children = true;
            break;
        case 'p':
            s.plain = true;
            break;
        case 'l':
            if (!tool_read_size(optarg, &s.limit))
                tool_usage("'%s' is no size", optarg);
            break;
        case 'k':
            s.keep = true;
            break;
        case 'f':
            s.finish = optarg;
            break;
        case 'q':
            s.quiet = true;
            break;
        case 'h':
            exit(tool_help());
        default:
            tool_usage(NULL);
        }
    }
    if (!s.output)
        tool_usage("where to? -o FILE");
    if (!s.finish && optind == argc)
        tool_usage("which program?");
    return s;
}

/* ---- the program ---- */

static volatile sig_atomic_t child_process;

static void pass_on(int signal)
{
    if (child_process > 0)
        kill((pid_t)child_process, signal);
}

static void set_up_child(const settings *s, const char *folder)
{
    const char *before = getenv("LD_PRELOAD");
    char number[32], *preload;
    size_t size = strlen(s->library) + (before ? strlen(before) : 0) + 2;

    preload = malloc(size);
    if (!preload)
        _exit(EXIT_RECORD);
    (void)snprintf(preload, size, "%s%s%s", s->library, before && *before ? ":" : "",
                   before && *before ? before : "");
    setenv("LD_PRELOAD", preload, 1);
    setenv("LOAM_RECORD_DIR", folder, 1);
    (void)snprintf(number, sizeof number, "%ld", s->children ? 0L : (long)getpid());
    setenv("LOAM_RECORD_PID", number, 1);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)s->limit);
    setenv("LOAM_RECORD_LIMIT", number, 1);
}

/* Becomes the program; tells the parent through `pipe` if it can't. */
static _Noreturn void become(const settings *s, const char *folder, char **argv, int pipe)
{
    int error;

    set_up_child(s, folder);
    execvp(argv[0], argv);
    error = errno;
    if (write(pipe, &error, sizeof error) < 0)
        _exit(EXIT_RECORD);
    _exit(127);
}

static void wait_for(pid_t child, bool children, int *status)
{
    int ended;

    while (waitpid(child, status, 0) < 0 && errno == EINTR)
        ;
    child_process = 0; /* its number may be another's now */
    while (children) {
        if (waitpid(-1, &ended, 0) < 0 && errno != EINTR)
            return;
    }
}

/* Runs the program to its end. Returns the exit code that tells of it; *process is its number, 0 if it could
 * not be started. */
static int run_program(const settings *s, const char *folder, char **argv, pid_t *process)
{
    int ends[2], error = 0, status = 0;
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

    if (pipe(ends) != 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0)
        tool_fail(EXIT_RECORD, "no pipe: %s", strerror(errno));
    if (s->children)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    *process = fork();
    if (*process < 0)
        tool_fail(EXIT_RECORD, "no process: %s", strerror(errno));
    if (*process == 0) {
        close(ends[0]);
        become(s, folder, argv, ends[1]);
    }
    child_process = (sig_atomic_t)*process;
    (void)signal(SIGINT, SIG_IGN); /* the terminal sends these to the program as well */
    (void)signal(SIGQUIT, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    close(ends[1]);
    while (read(ends[0], &error, sizeof error) < 0 && errno == EINTR)
        ;
    close(ends[0]);
    wait_for(*process, s->children, &status);
    if (error) {
        tool_say("%s: cannot be started: %s", argv[0], strerror(error));
        *process = 0;
        return error == ENOENT ? 127 : 126;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- its logs ---- */

/* The number of up to 18 digits that `*text` begins with; goes behind it. */
static bool read_digits(const char **text, uint64_t *number)
{
    const char *from = *text;

    *number = 0;
    for (; **text >= '0' && **text <= '9' && *text - from < 18; ++*text)
        *number = *number * 10 + (uint64_t)(**text - '0');
    return *text != from;
}

/* PROCESS-IMAGE.log */
static bool read_name(const char *name, log_file *file)
{
    return read_digits(&name, &file->process) && *name++ == '-' &&
           read_digits(&name, &file->image) && strcmp(name, ".log") == 0;
}

static int by_process(const void *a, const void *b)
{
    const log_file *x = a, *y = b;

    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

static log_file *list_logs(const char *folder, size_t *count)
{
    DIR *opened = opendir(folder);
    const struct dirent *entry;
    log_file *files = NULL, *more, file;

    *count = 0;
    if (!opened)
        tool_fail(EXIT_RECORD, "%s: %s", folder, strerror(errno));
    while ((entry = readdir(opened)) != NULL) {
        if (!read_name(entry->d_name, &file))
            continue;
        more = realloc(files, (*count + 1) * sizeof *files);
        if (!more)
            tool_fail(EXIT_RECORD, "out of memory");
        files = more;
        files[(*count)++] = file;
    }
    closedir(opened);
    if (files)
        qsort(files, *count, sizeof *files, by_process);
    return files;
}

/* The name of the trace of another process than the first: its number before the ending. */
static char *name_of(const settings *s, const log_file *file, bool last_image)
{
    static const char *const endings[] = {".mtr.zst", ".mtr"};
    size_t length = strlen(s->output), size = length + 64;
    const char *ending = "";
    char *name = malloc(size), image[32] = "";

    for (size_t i = 0; i < 2 && !*ending; i++)
        if (length > strlen(endings[i]) &&
            strcmp(s->output + length - strlen(endings[i]), endings[i]) == 0)
            ending = endings[i];
    if (!name)
        tool_fail(EXIT_RECORD, "out of memory");
    if (!last_image)
        (void)snprintf(image, sizeof image, "-%llu", (unsigned long long)file->image);
    (void)snprintf(name, size, "%.*s.%llu%s%s", (int)(length - strlen(ending)), s->output,
                   (unsigned long long)file->process, image, ending);
    return name;
}

static void tell(const settings *s, const char *name, const merge_result *r)
{
    if (!s->quiet)
        tool_say("%s: %s requests, %s threads, at most %s in %s blocks", name, tool_count(r->calls),
                 tool_count(r->threads), tool_bytes(r->peak_bytes), tool_count(r->peak_blocks));
    if (r->lost)
        tool_say("%s: %s calls are not in it%s", name, tool_count(r->lost),
                 r->limit ? ": the log reached its --limit" : "");
    if (r->unseen)
        tool_say("%s: %s blocks were given back in a way that was not seen", name,
                 tool_count(r->unseen));
}

static bool finish_one(const settings *s, const char *folder, const log_file *file,
                       const char *name)
{
    char log[PATH_MAX];
    merge_result result;

    (void)snprintf(log, sizeof log, "%s/%llu-%llu.log", folder, (unsigned long long)file->process,
                   (unsigned long long)file->image);
    if (!merge_log(log, name, s->plain, &result)) {
        tool_say("%s: %s", name, result.error[0] ? result.error : "out of memory");
        return false;
    }
    tell(s, name, &result);
    return true;
}

/* Makes the traces. `first` is the process whose last image is the trace itself; 0: the lowest. */
static bool finish(const settings *s, const char *folder, uint64_t first)
{
    size_t count;
    log_file *files = list_logs(folder, &count);
    bool good = true, found = false;

    if (count > 0 && first == 0)
        first = files[0].process;
    for (size_t i = 0; i < count; i++) {
        bool last = i + 1 == count || files[i + 1].process != files[i].process;

        if (last && files[i].process == first) {
            found = true;
            good = finish_one(s, folder, &files[i], s->output) && good;
        } else if (s->children) {
            char *name = name_of(s, &files[i], last);

            found = true;
            good = finish_one(s, folder, &files[i], name) && good;
            free(name);
        }
    }
    free(files);
    if (!found)
        tool_say("nothing was recorded: the program is statically linked, or may not be preloaded, "
                 "or asked for no memory");
    return good && found;
}

static bool has_logs(const char *folder)
{
    size_t count;

    free(list_logs(folder, &count));
    return count > 0;
}

static void remove_logs(const char *folder)
{
    size_t count;
    log_file *files = list_logs(folder, &count);
    char log[PATH_MAX];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(log, sizeof log, "%s/%llu-%llu.log", folder,
                       (unsigned long long)files[i].process, (unsigned long long)files[i].image);
        (void)unlink(log);
    }
    free(files);
    (void)rmdir(folder);
}

/* A folder for the logs beside the output, by its full name: programs change theirs. */
static char *make_folder(const settings *s)
{
    struct stat about;
    bool beside =
        strcmp(s->output, "-") != 0 && (stat(s->output, &about) != 0 || S_ISREG(about.st_mode));
    const char *base = beside ? s->output : "/tmp/loam-record";
    size_t size = strlen(base) + 8;
    char *name = malloc(size), *full;

    if (!name)
        tool_fail(EXIT_RECORD, "out of memory");
    (void)snprintf(name, size, "%s.XXXXXX", base);
    if (!mkdtemp(name) || !(full = realpath(name, NULL)))
        tool_fail(EXIT_RECORD, "%s: %s", name, strerror(errno));
    free(name);
    return full;
}

static int run(int argc, char **argv)
{
    settings s = read_options(argc, argv);
    char *folder;
    pid_t process;
    int code;
    bool good;

    if (s.finish)
        return finish(&s, s.finish, 0) ? EXIT_GOOD : EXIT_RECORD;
    s.library = tool_library("libloam_record.so", "LOAM_RECORD_LIBRARY");
    if (!s.library)
        tool_fail(EXIT_RECORD, "libloam_record.so is not where it was installed; its place may be "
                               "told in LOAM_RECORD_LIBRARY");
    folder = make_folder(&s);
    code = run_program(&s, folder, argv + optind, &process);
    good = process == 0 || finish(&s, folder, (uint64_t)process);
    if (s.keep || (!good && has_logs(folder)))
        tool_say("the logs are in %s", folder);
    else
        remove_logs(folder);
    free(folder);
    return good ? code : EXIT_RECORD;
}
