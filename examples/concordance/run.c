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

/* Prints the answer to the question that was asked. */
static void answer(const struct job *job, const struct words *words, FILE *out)
{
    const struct options *options = job->options;

    if (options->word.text)
        report_word(out, words, &options->word, job->files);
    else if (options->nth)
        report_nth(out, words, options->nth, job->files);
    else
        report_sorted(out, words, options->prefix.text ? &options->prefix : NULL, job->files);
}

/* Prints all there is, the most frequent words first. Returns false iff out of memory. */
static bool rank_and_report(const struct job *job, const struct memory *memory,
                            const struct words *words, FILE *out, const struct index_result *result,
                            double *ranked_at)
{
    word_list ranked = LOAM_VEC_INIT(memory->scratch);
    bool done = words_ranked(words, &ranked);

    *ranked_at = seconds_used();
    if (done && out) {
        report_totals(out, result, words);
        report_top(out, words, &ranked, job->options->top, job->files);
        memory_print(memory, job->files, out);
    }
    loam_vec_deinit(&ranked);
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
    if (out && options_question(options)) {
        answer(job, words, out);
    } else if (!rank_and_report(job, memory, words, out, &result, &ranked_at)) {
        console_complain(job->console, "ranking the words", "out of memory");
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
    words_init(&words, &memory.words);
    status = work(job, &memory, &words, out, times);
    began = seconds_used();
    words_deinit(&words);
    memory_deinit(&memory);
    times->drop = seconds_used() - began;
    return out ? finish_output(job, out, status) : status;
}
