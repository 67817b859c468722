/* fail_more.h: a part of test_fail.c: merging, filtering, moving nodes, and what erases several
 * entries or calls back for each.
 */

/* Numbers between those of the tree and behind them, some of which it has. */
static bool run_merge(subject *s)
{
    bool merged;
    size_t met = 0;
    loam_btree from;

    tree_form_begin(s->form, &from, loam_libc_allocator());
    for (size_t i = 0; i < FEW; i++) {
        size_t number = (s->at + 3 * i) % s->form->numbers;
        tree_bytes key;

        key_of(s, number, &key);
        EXPECT(loam_btree_insert(&from, key.at, NULL, NULL));
        met += number % 2 == 0 && number < 2 * s->filled;
    }
    merged = loam_btree_merge(&s->tree, &from);
    EXPECT_EQ(loam_btree_count(&from), merged ? met : FEW);
    expect_good(s, &from);
    loam_btree_deinit(&from);
    return merged;
}

static bool same(void *context, void *key, void *value)
{
    (void)value;
    return context != NULL && key != NULL;
}

static void ended(void *context, void *key, void *value)
{
    (void)context;
    (void)key;
    (void)value;
    TEST_FAIL("nothing was cloned that could end");
}

static bool run_copy_owned(subject *s)
{
    s->has_other = loam_btree_copy_owned(&s->tree, s->allocator, &s->other, same, ended, s);
    return s->has_other;
}

static bool run_erase_to(subject *s)
{
    loam_btree_cursor at, to;
    size_t erased = 0;
    size_t before;
    bool done;

    loam_btree_cursor_seek_nth(&at, &s->tree, s->at / 2);
    loam_btree_cursor_seek_nth(&to, &s->tree, s->at / 2 + s->filled / 2);
    before = loam_btree_cursor_rank(&at);
    done = loam_btree_cursor_erase_to(&at, &to, &erased);
    EXPECT_EQ(loam_btree_cursor_rank(&at), before); /* It is not stale, done or not. */
    return done && erased <= s->filled / 2;
}

static bool run_erase_all(subject *s)
{
    tree_bytes key;

    key_of(s, 2 * s->at, &key);
    return loam_btree_erase_all(&s->tree, key.at, NULL);
}

static bool every_third(void *context, const void *key, void *value)
{
    (void)key;
    (void)value;
    return ++*(size_t *)context % 3 == 0;
}

static bool run_retain(subject *s)
{
    size_t n = 0, erased = 0;

    return loam_btree_retain(&s->tree, every_third, &n, &erased) &&
           erased == s->filled - s->filled / 3;
}

static bool all_sparse(void *context, const void *node)
{
    (void)node;
    (*(size_t *)context)++;
    return true;
}

/* A refusal ends a step, and what could not be moved stays: a tree that gets no memory at all never comes
 * to the end. */
static bool run_compact(subject *s)
{
    size_t position = 0, asked = 0, moved = 0, steps = 0;

    do
        moved += loam_btree_compact_step(&s->tree, 9, all_sparse, &asked, &position);
    while (position != 0 && steps++ < 40);
    EXPECT(moved <= asked);
    return true;
}
