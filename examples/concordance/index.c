#include "index.h"

#include "options.h"
#include "text.h"

#include <inttypes.h>

struct index_run {
    struct words *words;
    const struct files *files;
    loam_allocator scratch;
    struct console *console;
    struct index_result result;
};

/* Says why a file was not read, or not to its end. */
static void fail(struct index_run *run, const struct file *file, text_status status, uint32_t line)
{
    const char *reason = text_reason(status);

    if (status == TEXT_NO_MEMORY) {
        run->result.status = STATUS_MEMORY;
        console_complain(run->console, file->name,
                         "%s in line %" PRIu32 "; all words before it are counted", reason, line);
        return;
    }
    if (file->given)
        run->result.status = STATUS_FILES;
    if (line > 1)
        console_complain(run->console, file->name,
                         "%s from line %" PRIu32 " on; the rest is left out", reason, line);
    else
        console_complain(run->console, file->name, "%s; left out", reason);
}

/* Notes all words of a block. Returns false iff out of memory. */
static bool index_block(struct index_run *run, struct tokens *tokens, uint32_t number)
{
    for (struct token token; tokens_next(tokens, &token);) {
        if (!words_add(run->words, &token, number))
            return false;
    }
    return true;
}

/* Reads a file that is open, block by block. Returns how it ended, and in `*line` where. */
static text_status index_text(struct index_run *run, struct text *text, uint32_t number,
                              uint32_t *line)
{
    struct tokens tokens = {.line = 1};
    bool in_line = false; /* the last block ended within a line */
    text_status status;
    char *block;
    size_t length;

    while ((status = text_next(text, &block, &length)) == TEXT_OK) {
        tokens.at = block;
        tokens.end = block + length;
        in_line = tokens.end[-1] != '\n';
        if (!index_block(run, &tokens, number)) {
            status = TEXT_NO_MEMORY;
            break;
        }
        run->result.bytes += length;
        console_progress(run->console, run->result.bytes, run->files->bytes);
    }
    *line = tokens.line;
    run->result.lines += tokens.line - 1 + in_line;
    return status;
}

static void index_file(struct index_run *run, uint32_t number)
{
    const struct file *file = files_at(run->files, number);
    uint32_t line = 1;
    struct text text;
    text_status status = text_open(&text, file->path, run->scratch);

    if (status == TEXT_OK) {
        status = index_text(run, &text, number, &line);
        text_close(&text);
    }
    if (status == TEXT_END)
        run->result.files++;
    else
        fail(run, file, status, line);
}

struct index_result index_files(struct words *words, const struct files *files,
                                loam_allocator scratch, struct console *console)
{
    struct index_run run = {.words = words, .files = files, .scratch = scratch, .console = console};

    for (size_t i = 0; i < files->list.count && i < UINT32_MAX; i++) {
        index_file(&run, (uint32_t)i);
        if (run.result.status == STATUS_MEMORY)
            break;
    }
    console_clear(console);
    return run.result;
}
