/* scratch.c: arenas for temporary memory, one set for each thread.
 *
 * A thread's arenas are created inside their own memory and linked through `sibling`, oldest first,
 * so that a function without conflicts always gets the same, warm one. `nothing` is what a thread
 * gets when not even one more arena can be had: it has no room and no way to grow.
 */
#include <loam/scratch.h>

#include "arena_internal.h"

#include "internal/os.h"

#include <string.h>

static _Thread_local loam_arena *arenas;
static _Thread_local loam_arena nothing;
static _Thread_local bool nothing_ready;

static void end_thread(void *value);

static loam_os_slot slot = LOAM_OS_SLOT_INIT(end_thread);

/* The configuration of arenas to come. */
static loam_os_mutex config_lock = LOAM_OS_MUTEX_INIT;
static loam_arena_config chosen_config;

/* ---- the configuration's lock; a forked child finds it free ---- */

static void lock_config(void)
{
    loam_os_mutex_lock(&config_lock);
}

static void unlock_config(void)
{
    loam_os_mutex_unlock(&config_lock);
}

static void register_fork_hooks(void)
{
    static const loam_os_fork_hooks hooks = {lock_config, unlock_config, unlock_config};

    (void)loam_os_on_fork(LOAM_OS_FORK_SCRATCH, &hooks);
}

static void enter_config(void)
{
    static loam_os_once once = LOAM_OS_ONCE_INIT;

    loam_os_once_run(&once, register_fork_hooks);
    lock_config();
}

/* ---- ends ---- */

static void destroy_all(loam_arena *arena)
{
    while (arena) {
        loam_arena *next = arena->sibling;

        arena->sibling = NULL;
        arena->scope = 0; /* a thread may end with scopes open: nobody is left to end them */
        loam_arena_destroy(arena);
        arena = next;
    }
}

/* Destructors of other slots may still begin scopes after this; the system then calls it again. */
static void end_thread(void *value)
{
    (void)value;
    destroy_all(arenas);
    arenas = NULL;
}

bool loam_scratch_release(void)
{
    for (const loam_arena *arena = arenas; arena; arena = arena->sibling) {
        if (arena->scope != 0)
            return false;
    }
    destroy_all(arenas);
    arenas = NULL;
    return true;
}

/* ---- making one more ---- */

static loam_arena_config current_config(void)
{
    loam_arena_config config;

    enter_config();
    config = chosen_config;
    unlock_config();
    if (!config.name)
        config.name = "scratch";
    return config;
}

/* Never NULL: without memory it is an arena of one byte, which is taken. */
static loam_arena *get_nothing(void)
{
    static _Thread_local char byte[1];
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED,
        .buffer = byte,
        .buffer_size = sizeof byte,
        .auto_align = 1,
        .name = "scratch without memory",
    };

    if (!nothing_ready)
        nothing_ready = loam_arena_init(&nothing, &config) && loam_arena_push_no_zero(&nothing, 1);
    return &nothing;
}

static loam_arena *make_one(void)
{
    loam_arena_config config = current_config();
    loam_arena_config plain = {.backing = LOAM_ARENA_CHAIN, .name = config.name};
    loam_arena *arena = loam_arena_create(&config);

    return arena ? arena : loam_arena_create(&plain);
}

static loam_arena *append_one(loam_arena **link)
{
    *link = make_one();
    if (!*link)
        return get_nothing();
    /* Refused or not: without the callback, the arenas stay with the process. */
    (void)loam_os_slot_set(&slot, arenas);
    return *link;
}

/* ---- scopes ---- */

static bool in_conflict(const loam_arena *arena, loam_arena *const *conflicts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (conflicts[i] == arena)
            return true;
    }
    return false;
}

static loam_arena *pick(loam_arena *const *conflicts, size_t count)
{
    loam_arena **link = &arenas;

    while (*link && in_conflict(*link, conflicts, count))
        link = &(*link)->sibling;
    return *link ? *link : append_one(link);
}

loam_scratch loam_scratch_begin(loam_arena *const *conflicts, size_t count)
{
    loam_scratch scratch;

    scratch.arena = pick(conflicts, count);
    scratch.scope = loam_arena_scope_begin(scratch.arena);
    scratch.thread = loam_os_thread_id();
    return scratch;
}

void loam_scratch_end(loam_scratch *scratch)
{
    LOAM_REQUIRE(scratch->thread == loam_os_thread_id(), LOAM_MISUSE_SCRATCH_THREAD,
                 scratch->arena);
    loam_arena_scope_end(&scratch->scope);
}

/* ---- configuration and figures ---- */

bool loam_scratch_configure(const loam_arena_config *config)
{
    static const loam_arena_config defaults;

    if (!config)
        config = &defaults;
    if (config->backing == LOAM_ARENA_FIXED || !loam_arena_config_valid(config))
        return false;
    enter_config();
    chosen_config = *config;
    unlock_config();
    return true;
}

void loam_scratch_stats(loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (const loam_arena *arena = arenas; arena; arena = arena->sibling) {
        loam_stats one;

        loam_arena_stats(arena, &one);
        stats->live += one.live;
        stats->peak += one.peak;
        stats->committed += one.committed;
        stats->reserved += one.reserved;
        stats->lost += one.lost;
        stats->metadata += one.metadata;
        stats->failures += one.failures;
        stats->refused += one.refused;
        stats->blocks++;
    }
}
