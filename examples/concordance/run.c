#include "run.h"

#include "index.h"
#include "report.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* Seconds of processor time that this process has used: what else runs does not disturb it. */
static double seconds_used(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* Everything but the words themselves, in the order that was asked for. Returns false iff out of
 * memory. */
static bool rank_and_report(const struct job *job, const struct memory *memory,
                            const struct words *words, FILE *out, const struct index_result *result,
                            double *ranked_at)
{
    const struct options *options = job->options;
    word_list sorted = LOAM_VEC_INIT(memory->scratch);
    bool done = words_sorted(words, &sorted, options->prefix.text ? words_by_text : words_by_count);

    *ranked_at = seconds_used();
    if (done && out && options->prefix.text) {
        report_prefix(out, words, &options->prefix, &sorted, job->files);
    } else if (done && out) {
        report_totals(out, result, words);
        report_top(out, words, &sorted, options->top, job->files);
        memory_print(memory, job->files, out);
    }
    loam_vec_deinit(&sorted);
    return done;
}

/* Indexes, ranks, reports. Returns an exit status. */
static int work(const struct job *job, const struct memory *memory, struct words *words, FILE *out,
                struct run_times *times)
{
    const struct options *options = job->options;
    double began = seconds_used(), indexed_at, ranked_at;
    struct index_result result = index_files(words, job->files, memory->scratch, job->console);

    words_seal(words);
    indexed_at = ranked_at = seconds_used();
    if (result.status == STATUS_MEMORY && options->limit)
        console_complain(job->console, "--limit", "words and their texts may take %zu bytes",
                         options->limit);
    if (out && options->word.text) {
        report_word(out, words, &options->word, job->files);
    } else if (!rank_and_report(job, memory, words, out, &result, &ranked_at)) {
        console_complain(job->console, "sorting the words", "out of memory");
        result.status = STATUS_MEMORY;
    }
    times->index = indexed_at - began;
    times->rank = ranked_at - indexed_at;
    return result.status;
}

/* What is printed must arrive. Returns the exit status with that taken into account. */
static int finish_output(const struct job *job, FILE *out, int status)
{
    if (fflush(out) == 0 && !ferror(out))
        return status;
    console_complain(job->console, "standard output", "%s", strerror(errno));
    return status > STATUS_FILES ? status : STATUS_FILES;
}

int run_job(const struct job *job, memory_kind kind, FILE *out, struct run_times *times)
{
    struct memory memory;
    struct words words;
    double began;
    int status;

    memset(times, 0, sizeof *times);
    if (!memory_init(&memory, kind, job->options->limit, out != NULL)) {
        console_complain(job->console, "beginning", "out of memory");
        return STATUS_MEMORY;
    }
    if (!words_init(&words, &memory.words)) {
        console_complain(job->console, "beginning", "out of memory");
        memory_deinit(&memory);
        return STATUS_MEMORY;
    }
    status = work(job, &memory, &words, out, times);
    began = seconds_used();
    words_deinit(&words);
    memory_deinit(&memory);
    times->drop = seconds_used() - began;
    return out ? finish_output(job, out, status) : status;
}
