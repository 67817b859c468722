/* liars_cursors.h: a part of test_liars.c: what cursors do among comparisons that lie.
 */

static void erase_to(victim *v, loam_btree_cursor *at, const uint64_t *key)
{
    size_t count = loam_btree_count(&v->tree), erased = 0, between;
    loam_btree_cursor end = *at;

    if (test_rng_one_in(&v->liar.rng, 2))
        (void)loam_btree_cursor_seek_near(&end, key);
    for (int i = 0; i < 5; i++)
        (void)loam_btree_cursor_next(&end);
    between = loam_btree_cursor_between(at, &end);
    if (between > 20)
        return;
    EXPECT(loam_btree_cursor_erase_to(at, &end, &erased) && erased == between);
    EXPECT_EQ(loam_btree_count(&v->tree), count - erased);
}

static void travel(victim *v, const uint64_t *key)
{
    loam_btree_cursor at;

    (void)loam_btree_cursor_seek_lower(&at, &v->tree, key);
    for (size_t n = (size_t)test_rng_below(&v->liar.rng, 30); n > 0; n--) {
        uint64_t more = v->make(&v->liar.rng);

        switch ((size_t)test_rng_below(&v->liar.rng, 8)) {
        case 0:
            (void)loam_btree_cursor_insert(&at, &more, NULL);
            break;
        case 1:
            (void)loam_btree_cursor_erase_next(&at, NULL);
            break;
        case 2:
            (void)loam_btree_cursor_erase_prev(&at, NULL);
            break;
        case 3:
            (void)loam_btree_cursor_next(&at);
            break;
        case 4:
            (void)loam_btree_cursor_prev(&at);
            break;
        case 5:
            (void)loam_btree_cursor_seek_near(&at, &more);
            break;
        case 6:
            erase_to(v, &at, &more);
            break;
        default:
            EXPECT(loam_btree_cursor_rank(&at) <= loam_btree_count(&v->tree));
        }
    }
}
