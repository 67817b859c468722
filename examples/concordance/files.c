#include "files.h"

#include <loam/scratch.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool files_init(struct files *files)
{
    const loam_arena_config config = {.name = "files", .auto_align = LOAM_ALIGNOF(struct file)};

    memset(files, 0, sizeof *files);
    files->end = &files->first;
    return loam_arena_init(&files->arena, &config);
}

void files_deinit(struct files *files)
{
    loam_arena_deinit(&files->arena);
}

static bool add(struct files *files, const char *path, size_t name_at, size_t size, bool given)
{
    size_t length = strlen(path) + 1, bytes = sizeof(struct file) + length;
    struct file *added = (struct file *)loam_arena_push(&files->arena, bytes);

    if (!added)
        return false;
    memcpy(added->path, path, length);
    added->name = added->path + name_at;
    added->size = size;
    added->given = given;
    *files->end = added;
    files->end = &added->next;
    files->asked += bytes;
    files->count++;
    files->bytes += size;
    return true;
}

bool files_add(struct files *files, const char *path)
{
    struct stat facts;
    bool regular = stat(path, &facts) == 0 && S_ISREG(facts.st_mode);

    return add(files, path, 0, regular ? (size_t)facts.st_size : 0, true);
}

bool files_seal(struct files *files)
{
    struct file *each = files->first;

    files->at = loam_arena_new_array(&files->arena, struct file *, files->count);
    if (!files->at)
        return false;
    files->asked += files->count * sizeof *files->at;
    for (size_t i = 0; i < files->count; i++, each = each->next)
        files->at[i] = each;
    return true;
}

/* ---- a tree ---- */

static bool is_wanted(const char *name)
{
    static const char *const endings[] = {".c", ".h", ".md", ".txt", ".cmake", ".in"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(dot, endings[i]) == 0)
            return true;
    }
    return false;
}

static char *join(loam_arena *arena, const char *folder, const char *name)
{
    size_t length = strlen(folder), room = length + 1 + strlen(name) + 1;
    char *path = (char *)loam_arena_push_no_zero(arena, room);

    if (path)
        snprintf(path, room, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/",
                 name);
    return path;
}

/* The names in a folder, sorted, so that every system shows the same. */
struct listing {
    char **names;
    size_t count;
    bool is_build; /* one that CMake builds in: generated files, passed over below the root */
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads a folder. The names of unknown number go to the arena one by one, and the array of them
 * is pushed behind them when their number is known. */
static files_tree_result list_folder(DIR *folder, loam_arena *arena, struct listing *list)
{
    struct entry {
        struct entry *next;
        char *name;
    };
    struct entry *newest = NULL;

    memset(list, 0, sizeof *list);
    for (struct dirent *found; (found = readdir(folder)) != NULL;) {
        struct entry *added;

        if (strcmp(found->d_name, "CMakeCache.txt") == 0)
            list->is_build = true;
        if (found->d_name[0] == '.' || strcmp(found->d_name, "build") == 0)
            continue;
        added = loam_arena_new(arena, struct entry);
        if (!added ||
            !(added->name = loam_arena_push_text(arena, found->d_name, strlen(found->d_name))))
            return FILES_NO_MEMORY;
        added->next = newest;
        newest = added;
        list->count++;
    }
    list->names = loam_arena_new_array(arena, char *, list->count);
    if (!list->names)
        return FILES_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++, newest = newest->next)
        list->names[i] = newest->name;
    qsort(list->names, list->count, sizeof *list->names, compare_names);
    return FILES_FOUND;
}

/* A folder and all below it. What it needs on the way lies in a scratch arena that is not the one
 * of the list, and is gone when it returns, on every path. */
static files_tree_result walk(struct files *files, const char *path, size_t name_at,
                              struct console *console)
{
    LOAM_SCRATCH(scratch, &files->arena);
    DIR *folder = opendir(path);
    files_tree_result result;
    struct listing list;

    if (!folder) {
        console_complain(console, path, "%s", strerror(errno));
        return FILES_NO_TREE;
    }
    result = list_folder(folder, scratch.arena, &list);
    closedir(folder);
    if (result != FILES_FOUND || (list.is_build && strlen(path) > name_at))
        return result;

    for (size_t i = 0; i < list.count; i++) {
        char *inner = join(scratch.arena, path, list.names[i]);
        struct stat facts;

        if (!inner)
            return FILES_NO_MEMORY;
        if (lstat(inner, &facts) != 0)
            continue;
        if (S_ISDIR(facts.st_mode) && walk(files, inner, name_at, console) == FILES_NO_MEMORY)
            return FILES_NO_MEMORY;
        if (S_ISREG(facts.st_mode) && is_wanted(inner) &&
            !add(files, inner, name_at, (size_t)facts.st_size, false))
            return FILES_NO_MEMORY;
    }
    return FILES_FOUND;
}

files_tree_result files_add_tree(struct files *files, const char *root, struct console *console)
{
    size_t length = strlen(root);

    return walk(files, root, length + (length && root[length - 1] != '/'), console);
}
