/* test_typed_paths.c: changes of typed trees that are made along a path, or at an end that is at hand: with each call
 * for memory refused, with comparisons counted, and with comparisons that lie.
 */
#include "support/fail_each.h"
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/btree_typed.h>

/* ---- each call for memory refused ---- */

LOAM_BTREE_DEFINE_NUMBER_SIZED(least, uint64_t, uint64_t, 2, 3);

enum { FILLED = 41 };

typedef struct subject {
    const char *name;
    bool (*run)(struct subject *s);
    loam_btree_options options;
    bool down;   /* was filled from the last to the first */
    bool shared; /* a snapshot is there */
    uint64_t at;
    least tree;
    least twin;
} subject;

static bool run_insert(subject *s)
{
    bool added = false;

    return least_insert(&s->tree, 2 * s->at + 1, 7, &added) && added;
}

static bool run_upsert(subject *s)
{
    return least_upsert(&s->tree, 2 * s->at, NULL) != NULL;
}

static bool run_replace(subject *s)
{
    return least_replace(&s->tree, 2 * s->at, 2 * s->at, NULL, NULL, NULL) != NULL;
}

static bool run_erase(subject *s)
{
    return least_erase(&s->tree, 2 * s->at);
}

/* In front of the first and behind the last. */
static bool run_ends(subject *s)
{
    uint64_t last = 2 * FILLED + 2 * s->at;

    return (least_contains(&s->tree, 0) || least_insert(&s->tree, 0, 0, NULL)) &&
           (least_contains(&s->tree, last) || least_insert(&s->tree, last, last, NULL));
}

static void expect_filled(const least *tree)
{
    uint64_t i = 1;

    EXPECT(least_check(tree, NULL, NULL));
    LOAM_BTREE_EACH(least, it, tree)
    {
        EXPECT(*it.key == 2 * i && *it.value == 2 * i);
        i++;
    }
    EXPECT_EQ(i, FILLED + 1);
}

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    least_init(&s->tree, allocator, &s->options);
    for (uint64_t i = 0; i < FILLED; i++) {
        uint64_t number = s->down ? 2 * (FILLED - i) : 2 * (i + 1);

        EXPECT(least_insert(&s->tree, number, number, NULL));
    }
    if (s->shared)
        EXPECT(least_snapshot(&s->tree, &s->twin));
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    return s->run(s);
}

static void look(void *context, bool done)
{
    subject *s = (subject *)context;

    EXPECT(least_check(&s->tree, NULL, NULL));
    if (s->shared)
        expect_filled(&s->twin);
    if (!done && s->run != run_ends)
        expect_filled(&s->tree);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    least_deinit(&s->tree);
    if (s->shared)
        least_deinit(&s->twin);
}

static void refuse_each(bool multi, bool counted)
{
    static const struct {
        const char *name;
        bool (*run)(subject *s);
    } verbs[] = {{"insert", run_insert},
                 {"upsert", run_upsert},
                 {"replace", run_replace},
                 {"erase", run_erase},
                 {"ends", run_ends}};

    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        size_t refused = 0;

        for (uint64_t at = 1; at <= 2 * FILLED; at += 3) {
            subject s = {.name = verbs[v].name,
                         .run = verbs[v].run,
                         .options = {multi, counted, NULL},
                         .down = at > FILLED,
                         .shared = at % 2 != 0,
                         .at = at > FILLED ? at - FILLED : at};
            fail_each_scenario scenario = {.name = s.name,
                                           .context = &s,
                                           .begin = begin,
                                           .step = step,
                                           .check = look,
                                           .end = end};

            refused += fail_each_allocation(&scenario);
        }
        EXPECT(refused > 0);
    }
}

TEST(refused_in_maps, fast)
{
    refuse_each(false, false);
}

TEST(refused_in_multimaps, fast)
{
    refuse_each(true, false);
}

TEST(refused_with_order_statistics, fast)
{
    refuse_each(false, true);
}

TEST(refused_in_multimaps_with_order_statistics, fast)
{
    refuse_each(true, true);
}

/* ---- keys in order ---- */

typedef struct tally {
    size_t comparisons;
} tally;

typedef struct item {
    uint32_t number;
} item;

static int count_and_order(tally *counts, const item *a, const item *b)
{
    counts->comparisons++;
    return (a->number > b->number) - (a->number < b->number);
}

LOAM_BTREE_DEFINE_CONTEXT(items, tally, item, uint32_t, count_and_order);

enum { MANY = 20000 };

/* Adds keys in order, through the typed face or the other one. Nearly each takes one comparison, and nodes are
 * full. */
static void append(bool down, bool untyped, const loam_btree_options *options)
{
    tally counts = {0};
    loam_btree_figures figures;
    items tree;

    items_init(&tree, loam_libc_allocator(), &counts, options);
    for (uint32_t i = 0; i < MANY; i++) {
        const item key = {down ? MANY - i : i};

        if (untyped)
            EXPECT(loam_btree_insert(&tree.raw, &key, &i, NULL));
        else
            EXPECT(items_insert(&tree, key, i, NULL));
    }
    EXPECT_LE(counts.comparisons, MANY + MANY / 4);
    items_measure(&tree, &figures);
    EXPECT(figures.leaf_fill > 0.98);
    EXPECT_EQ(items_count(&tree), MANY);
    EXPECT(items_check(&tree, NULL, NULL));
    items_deinit(&tree);
}

TEST(ascending_and_descending, fast)
{
    for (unsigned how = 0; how < 16; how++) {
        const loam_btree_options options = {(how & 4) != 0, (how & 8) != 0, NULL};

        test_note("%u", how);
        append((how & 1) != 0, (how & 2) != 0, &options);
    }
    test_note(NULL);
}

/* Also beside a snapshot, once the nodes at the end are the tree's own. */
TEST(appends_beside_a_snapshot, fast)
{
    for (int down = 0; down < 2; down++) {
        tally counts = {0};
        items tree, twin;

        items_init(&tree, loam_libc_allocator(), &counts, NULL);
        for (uint32_t i = 0; i < MANY; i++) {
            const item key = {down ? 2 * MANY - i : i};

            EXPECT(items_insert(&tree, key, i, NULL));
            if (i == MANY / 2) {
                EXPECT(items_snapshot(&tree, &twin));
                counts.comparisons = 0;
            }
        }
        EXPECT_LE(counts.comparisons, MANY);
        EXPECT(items_count(&tree) == MANY && items_count(&twin) == MANY / 2 + 1);
        EXPECT(items_check(&tree, NULL, NULL) && items_check(&twin, NULL, NULL));
        items_deinit(&twin);
        items_deinit(&tree);
    }
}

/* From the middle to both ends, in turns of many lengths; an erasure in between lets go of the end. */
TEST(both_ends_in_turns, fast)
{
    for (uint64_t turn = 1; turn < 200; turn = turn * 3 + 1) {
        uint64_t low = MANY, high = MANY;
        least tree;

        least_init(&tree, loam_libc_allocator(), NULL);
        while (high - low < MANY / 4) {
            for (uint64_t i = 0; i < turn; i++)
                low--, EXPECT(least_insert(&tree, low, low, NULL));
            EXPECT(turn % 2 == 0 || (least_erase(&tree, low) && least_insert(&tree, low, 0, NULL)));
            for (uint64_t i = 0; i < turn; i++, high++)
                EXPECT(least_insert(&tree, high, high, NULL));
        }
        EXPECT(least_check(&tree, NULL, NULL) && least_count(&tree) == high - low);
        for (; low < high; low++)
            EXPECT(least_erase(&tree, low));
        EXPECT(least_check(&tree, NULL, NULL) && least_count(&tree) == 0);
        least_deinit(&tree);
    }
}

/* ---- what has no order ---- */

LOAM_BTREE_DEFINE_NUMBER_SIZED(reals, double, uint64_t, 3, 3);

/* NaN is found nowhere, and nothing else is lost. */
TEST(not_a_number_at_an_end, fast)
{
    const double zero = 0;

    for (unsigned how = 0; how < 8; how++) {
        const loam_btree_options options = {(how & 2) != 0, (how & 4) != 0, NULL};
        size_t added = 0;
        reals tree;

        reals_init(&tree, loam_libc_allocator(), &options);
        for (int i = 0; i < 500; i++) {
            double real = i % 7 == 3 ? zero / zero : how & 1 ? -i : i;
            bool is_new = false;

            EXPECT(reals_insert(&tree, real, 1, &is_new));
            added += is_new;
        }
        EXPECT_EQ(reals_count(&tree), added);
        EXPECT(!reals_contains(&tree, zero / zero));
        while (reals_pop_first(&tree, NULL, NULL))
            added--;
        EXPECT_EQ(added, 0);
        reals_deinit(&tree);
    }
}

/* ---- a context ---- */

static int by_column(const size_t *column, const uint32_t (*a)[3], const uint32_t (*b)[3])
{
    return ((*a)[*column] > (*b)[*column]) - ((*a)[*column] < (*b)[*column]);
}

typedef struct row {
    uint32_t cells[3];
} row;

static int by_cell(const size_t *column, const row *a, const row *b)
{
    return by_column(column, &a->cells, &b->cells);
}

LOAM_BTREE_DEFINE_CONTEXT_SET(rows, const size_t, row, by_cell);

/* Two orders of one type; trees of different ones are not put together. */
TEST(orders_by_context, fast)
{
    static const size_t first = 0, second = 1;
    rows a, b, copy;
    uint32_t last = 0;

    rows_init(&a, loam_libc_allocator(), &first, NULL);
    rows_init(&b, loam_libc_allocator(), &second, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        const row of = {{i, i * 611953 % 1000, 7}};

        EXPECT(rows_insert(&a, of, NULL) && rows_insert(&b, of, NULL));
    }
    EXPECT_EQ(rows_count(&b), 1000);
    EXPECT(rows_copy(&b, loam_libc_allocator(), &copy));
    LOAM_BTREE_EACH(rows, it, &copy)
    EXPECT_EQ(it.key->cells[1], last++);
    EXPECT(rows_first(&a).key->cells[0] == 0 && rows_last(&a).key->cells[0] == 999);
    EXPECT(!rows_merge(&a, &b) && !rows_join(&a, &b));
    EXPECT(rows_count(&a) == 1000 && rows_count(&b) == 1000);
    EXPECT(rows_merge(&copy, &b) && rows_count(&b) == 1000 && rows_count(&copy) == 1000);
    rows_deinit(&copy);
    rows_deinit(&b);
    rows_deinit(&a);
}

/* ---- trees that loam allocates ---- */

TEST(created_and_destroyed, fast)
{
    static const size_t second = 1;
    static const loam_budget_config nothing = {.tag = "nothing", .limit = 1};
    const row of = {{1, 2, 3}};
    loam_counting counting;
    loam_budget budget;
    loam_stats stats;
    least *tree;
    rows *set;

    loam_counting_init(&counting, loam_libc_allocator());
    tree = least_create(loam_counting_allocator(&counting), NULL);
    set = rows_create(loam_counting_allocator(&counting), &second, NULL);
    EXPECT(tree && set);
    EXPECT(least_insert(tree, 1, 2, NULL) && rows_insert(set, of, NULL));
    EXPECT(least_count(tree) == 1 && set->raw.context == &second);
    least_destroy(tree);
    rows_destroy(set);
    rows_destroy(NULL);
    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.live, 0);
    loam_budget_init(&budget, loam_libc_allocator(), &nothing);
    EXPECT(least_create(loam_budget_allocator(&budget), NULL) == NULL);
    EXPECT(rows_create(loam_budget_allocator(&budget), &second, NULL) == NULL);
    loam_budget_deinit(&budget);
}

TEST_MAIN
