/* btree.c: the rows of ordered maps. loam's is the typed face over a pool over a span, with its defaults;
 * beside it stand the same over the C library, and the archive's functions.
 *
 * Rows with huge in their names, from a million entries on, are the same with huge pages for all: loam's span
 * asks for them, and mallocs are told to.
 *
 * The goals are for code that is compiled for x86-64-v3, see LOAM_BENCH_MARCH; for less, what is to be
 * half of absl's time may be 0.7 of it.
 */
#include "btree_loops.h"
#include "peers.h"

#include "bench_config.h"

#include <stdio.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

#if defined __x86_64__ && !defined BENCH_MARCH_V3
#define HALF 0.7
#else
#define HALF 0.5
#endif

/* How many entries; 1e7 only where LOAM_BENCH_BIG is on. */
enum { SIZES = 3 + BENCH_BIG };
static const struct size {
    const char *name;
    size_t count;
} sizes[] = {{"1e3", 1000}, {"1e5", 100000}, {"1e6", 1000000}, {"1e7", 10000000}};

/* ---- the rows ---- */

/* Who measures a row: the body of the row that stands first with it. */
typedef enum group { CHANGES, READS, BIG, GROUPS } group;

static const shim_body bodies[GROUPS] = {bench_run_btree_changes, bench_run_btree_reads,
                                         bench_run_btree_big};
static const char *const heads[GROUPS] = {"insert", "hit", "hit"};

/* From here on one tree, filled once, has to do for all rows. */
static bool is_big(size_t size)
{
    return sizes[size].count >= 10000000;
}

typedef struct tree_row {
    const char *what; /* btree_WHAT_SIZE */
    group group;
    double to_absl[LENGTH(sizes)];  /* for each size, at most so many times absl; 0: no goal */
    double absolute[LENGTH(sizes)]; /* nanoseconds */
} tree_row;

static const tree_row tree_rows[] = {
    {"insert", CHANGES, {1, HALF, HALF, HALF}, {0}},
    {"insert_seq", CHANGES, {HALF, HALF, HALF, HALF}, {0}},
    {"erase", CHANGES, {HALF, HALF, HALF, HALF}, {0}},
    {"mixed", CHANGES, {HALF, HALF, HALF, HALF}, {0}},
    {"build", CHANGES, {0}, {2, 2, 2, 2}},
    {"hit", READS, {HALF, HALF, HALF, HALF}, {0}},
    {"dependent", READS, {0.8, 0.8, 1, 0.8}, {0}},
    {"miss", READS, {0.4, 0.4, 0.4, 0.4}, {0}},
    {"bound", READS, {HALF, HALF, HALF, HALF}, {0}},
    {"iterate", READS, {0}, {0.5, 0.7, 2, 4}},
    {"range", READS, {HALF, HALF, HALF, HALF}, {0}},
};

enum { TREE_ROWS = LENGTH(tree_rows), NAME_SIZE = 32 };

static const bench_row bytes_rows[] = {
    {"btree", "btree_bytes_1e6", "B", .fresh = true, .goal = {.absolute = 22}},
    {"btree", "btree_bytes_seq_1e6", "B", .fresh = true, .goal = {.absolute = 17}},
};

static const char *name_of(const char *prefix, const char *what, const char *size)
{
    static char names[3 * TREE_ROWS * LENGTH(sizes) * 10][NAME_SIZE];
    static size_t used;
    char *name = names[used++];

    snprintf(name, NAME_SIZE, "%s_%s_%s", prefix, what, size);
    return name;
}

/* What is in a row's map and where it lies. */
typedef enum form { NUMBERS, TEXTS, HUGE_PAGES, FORMS } form;

static const char *const prefixes[FORMS] = {"btree", "btree_text", "btree_huge"};
static const size_t flags[FORMS] = {0, BENCH_TEXTS, BENCH_HUGE_PAGES};

static void add_rows(form of, size_t size)
{
    static bench_row rows[FORMS][LENGTH(sizes)][TREE_ROWS];
    const char *prefix = prefixes[of];

    for (size_t i = 0; i < TREE_ROWS; i++) {
        const tree_row *from = &tree_rows[i];
        bench_row *row = &rows[of][size][i];
        const char *head = heads[is_big(size) ? BIG : from->group];

        *row = (bench_row){.layer = "btree",
                           .name = name_of(prefix, from->what, sizes[size].name),
                           .unit = "ns",
                           .huge = of == HUGE_PAGES};
        if (strcmp(from->what, head) == 0)
            row->whole = true;
        else
            row->with = name_of(prefix, head, sizes[size].name);
        if (of == TEXTS)
            row->goal = (bench_goal){.peer = 0.6};
        else
            row->goal = (bench_goal){.named = from->to_absl[size] > 0 ? "absl" : NULL,
                                     .to_named = from->to_absl[size],
                                     .absolute = from->absolute[size]};
        bench_add_row(row);
    }
}

/* ---- who is measured where ---- */

static void add_tree(form of, bench_kind kind, const char *name, const loam_bench_btree *tree,
                     size_t size)
{
    size_t parameter = sizes[size].count | flags[of];

    for (group i = CHANGES; i < GROUPS; i++) {
        if ((i == BIG) == is_big(size) && (i == CHANGES ? tree->mixed != NULL : tree->find != NULL))
            bench_add(name_of(prefixes[of], heads[i], sizes[size].name), kind, name, bodies[i],
                      tree, parameter);
    }
}

/* Beside them in the row of building alone. */
static void add_source(form of, const loam_bench_btree *tree, size_t size)
{
    if (!is_big(size))
        bench_add(name_of(prefixes[of], heads[CHANGES], sizes[size].name), BENCH_BESIDE, "source",
                  bench_run_btree_build, tree, sizes[size].count | flags[of]);
}

/* With a node for each entry an operation takes two microseconds there: minutes that tell nothing new. */
static bool hopeless(const char *name, size_t size)
{
    return is_big(size) && (strcmp(name, "map") == 0 || strcmp(name, "gtree") == 0);
}

static void add_peers(form of, size_t size)
{
    for (size_t i = 0; i < peers_btree_count(); i++) {
        const loam_bench_btree *tree =
            of == TEXTS ? peers_btree_texts_at(i) : peers_btree_numbers_at(i);

        if (tree && !hopeless(peers_btree_name(i), size))
            add_tree(of, BENCH_PEER, peers_btree_name(i), tree, size);
    }
}

static void add_numbers(size_t size)
{
    add_rows(NUMBERS, size);
    add_tree(NUMBERS, BENCH_LOAM, NULL, &bench_btree_numbers, size);
    add_tree(NUMBERS, BENCH_BESIDE, "libc", &bench_btree_numbers_libc, size);
    add_tree(NUMBERS, BENCH_BESIDE, "kind", &bench_btree_numbers_kind, size);
    add_tree(NUMBERS, BENCH_BESIDE, "compared", &bench_btree_numbers_compared, size);
    add_source(NUMBERS, &bench_btree_numbers_source, size);
    add_peers(NUMBERS, size);
}

static void add_huge(size_t size)
{
    add_rows(HUGE_PAGES, size);
    add_tree(HUGE_PAGES, BENCH_LOAM, NULL, &bench_btree_numbers_huge, size);
    add_tree(HUGE_PAGES, BENCH_BESIDE, "libc", &bench_btree_numbers_libc, size);
    add_peers(HUGE_PAGES, size);
}

static void add_texts(size_t size)
{
    add_rows(TEXTS, size);
    add_tree(TEXTS, BENCH_LOAM, NULL, &bench_btree_texts, size);
    add_tree(TEXTS, BENCH_BESIDE, "libc", &bench_btree_texts_libc, size);
    add_tree(TEXTS, BENCH_BESIDE, "kind", &bench_btree_texts_kind, size);
    add_tree(TEXTS, BENCH_BESIDE, "compared", &bench_btree_texts_compared, size);
    add_source(TEXTS, &bench_btree_texts_source, size);
    add_peers(TEXTS, size);
}

static void add_bytes(void)
{
    for (size_t i = 0; i < LENGTH(bytes_rows); i++) {
        const char *row = bytes_rows[i].name;
        shim_body body = i == 0 ? bench_run_btree_bytes : bench_run_btree_bytes_seq;

        bench_add_row(&bytes_rows[i]);
        bench_add(row, BENCH_LOAM, NULL, body, &bench_btree_numbers, 1000000);
        bench_add(row, BENCH_BESIDE, "libc", body, &bench_btree_numbers_libc, 1000000);
        for (size_t k = 0; k < peers_btree_count(); k++) {
            const loam_bench_btree *tree = peers_btree_numbers_at(k);

            if (tree && tree->mixed)
                bench_add(row, BENCH_PEER, peers_btree_name(k), body, tree, 1000000);
        }
    }
}

void bench_add_btree(void)
{
    for (size_t i = 0; i < SIZES; i++)
        add_numbers(i);
    add_bytes();
    for (size_t i = 0; i < SIZES; i++)
        add_texts(i);
    for (size_t i = 2; i < SIZES; i++) /* 1e6 and 1e7 */
        add_huge(i);
}
