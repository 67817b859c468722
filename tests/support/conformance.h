/* conformance.h: does an allocator keep the contract A1-A10 of loam/allocator.h?
 *
 *     static loam_allocator make(void *context) { ...init...; return loam_x_allocator(context); }
 *     static void end(void *context) { ...deinit... }
 *
 *     loam_conformance_run(&(conformance_subject){.name = "x", .context = &x, .make = make,
 *                                                 .end = end});
 *
 * Each section of the suite gets a fresh allocator and gives back all that it took. A broken rule
 * ends the test with a line that names the subject, the section, the rule and what was seen.
 *
 * An allocator may refuse anything (A2), so that one that always says NULL would keep every rule.
 * The subject's hints say what is promised: within them a refusal is a failure too.
 */
#ifndef LOAM_TEST_CONFORMANCE_H
#define LOAM_TEST_CONFORMANCE_H

#include <loam/allocator.h>

typedef struct conformance_subject {
    const char *name;
    void *context; /* handed to every function below */

    /* A fresh allocator with no live block. */
    loam_allocator (*make)(void *context);

    /* Ends it. Every block was given back, also where that reclaims nothing. May be NULL. */
    void (*end)(void *context);

    /* ---- what is promised; 0 stands for the default ---- */

    size_t max_size;  /* largest size that is served (default 4 MiB) */
    size_t max_align; /* largest alignment that is served (default 1 MiB) */

    /* Whether a request within both is served at all; default: all are. */
    bool (*serves)(void *context, size_t size, size_t align);

    /* Blocks are served as long as the sum of size + align + overhead over them is at most this.
     * "Them" are the live ones, or, where the allocator does not reclaim, all since it was made.
     * Default: without end, and the suite keeps to some 16 MiB. */
    size_t capacity;
    size_t overhead; /* bytes that a block may cost beyond size + align */

    /* Whether requests are refused at some point not far above `capacity`, so that the suite may
     * fill the allocator to the brim. */
    bool bounded;

    /* ---- what can be looked at or done; NULL where it can't ---- */

    /* From now on (until `on` is false) memory is short: every request may fail, and those that
     * need the system or the allocator below do. */
    void (*press)(void *context, bool on);

    /* Bytes that the allocator holds now, live or not. */
    size_t (*footprint)(void *context);
} conformance_subject;

/* Runs the whole suite. Returns iff every rule held. The random parts use test_seed(). */
void loam_conformance_run(const conformance_subject *subject);

#endif
