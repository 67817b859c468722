/* files.h: which files to read: those that were named, or all sources and documents of a tree.
 *
 * Paths lie in an arena, used directly: many small things of all sizes, none of which dies before the
 * others, and not one line to free them. The list is a bucket array over the same arena: it grows by
 * further pieces, so that nothing moves, and no dead copy stays behind in the arena.
 */
#ifndef CONCORDANCE_FILES_H
#define CONCORDANCE_FILES_H

#include "console.h"

#include <loam/arena.h>
#include <loam/bucket.h>

struct file {
    const char *path; /* as it is opened */
    const char *name; /* as it is shown: the end of `path` */
    size_t size;      /* bytes, as the system says before it is read */
    bool given;       /* named by the user, who is owed an answer about it */
};

struct files {
    loam_arena arena;
    LOAM_BUCKET(struct file) list;
    size_t texts;   /* bytes of all paths */
    uint64_t bytes; /* the sum of all sizes */
};

/* Begins an empty list, which must not move. Returns false iff out of memory. */
bool files_init(struct files *files);
void files_deinit(struct files *files);

/* Adds a file that the user named; whether it can be read shows when it is. Returns false iff out
 * of memory. */
bool files_add(struct files *files, const char *path);

typedef enum files_tree_result { FILES_FOUND, FILES_NO_TREE, FILES_NO_MEMORY } files_tree_result;

/* Adds the sources and documents below a folder, in the order of their names: *.c *.h *.md *.txt
 * *.cmake *.in. Passes over what is hidden, build folders and links. A folder inside it that can't
 * be read is complained about; FILES_NO_TREE is returned when it is the first one. */
files_tree_result files_add_tree(struct files *files, const char *root, struct console *console);

/* The file of a number: 0 to files->list.count - 1. */
const struct file *files_at(const struct files *files, size_t number);

/* Bytes that were asked of the arena, without what alignment added. */
size_t files_asked(const struct files *files);

#endif
