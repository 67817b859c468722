/* typed_model_more.h: a part of typed_model.h, which includes it for each type: ranges with open bounds, loops,
 * entries that own something, runs at both ends, and a snapshot, beside which all changes go on.
 */

/* ---- looking ---- */

static void OWN(look_back)(OWN(state) * m)
{
    size_t number = OWN(number)(m);
    size_t low = OWN(bound)(m, number, false), high = OWN(bound)(m, number, true);

    OWN(expect)(m, DO(last_before)(&m->tree, TYPED_KEY(number)), low ? low - 1 : m->count);
    OWN(expect)(m, DO(last_upto)(&m->tree, TYPED_KEY(number)), high ? high - 1 : m->count);
    EXPECT_EQ(DO(count_of)(&m->tree, TYPED_KEY(number)), high - low);
    EXPECT_EQ(DO(count_before)(&m->tree, TYPED_KEY(number)), low);
    EXPECT_EQ(DO(rank)(&m->tree, TYPED_KEY(number)), low);
    EXPECT_EQ(DO(count_from)(&m->tree, TYPED_KEY(number)), m->count - low);
    OWN(expect)(m, DO(nth)(&m->tree, low), low);
}

static void OWN(loops)(OWN(state) * m)
{
    size_t from = OWN(number)(m), to = OWN(number)(m);
    size_t low = OWN(bound)(m, from, false), end = OWN(bound)(m, to, false);
    size_t at = m->count;

    TYPED_EACH_BACK(TYPED, it, &m->tree)
    {
        OWN(expect)(m, it, --at);
        if (at == m->count / 2)
            break;
    }
    EXPECT_EQ(at, m->count / 2);
    at = low;
    TYPED_EACH_FROM(TYPED, it, &m->tree, TYPED_KEY(from))
    {
        if (at == m->count)
            continue;
        OWN(expect)(m, it, at++);
    }
    EXPECT_EQ(at, m->count);
    at = low;
    TYPED_EACH_IN(TYPED, it, &m->tree, TYPED_KEY(from), TYPED_KEY(to))
    OWN(expect)(m, it, at++);
    EXPECT_EQ(at, low < end ? end : low);
    EXPECT_EQ(DO(count_range)(&m->tree, TYPED_KEY(from), TYPED_KEY(to)), at - low);
    at = low;
    TYPED_EACH_EQUAL(TYPED, it, &m->tree, TYPED_KEY(from))
    OWN(expect)(m, it, at++);
    EXPECT_EQ(at, OWN(bound)(m, from, true));
}

static void OWN(near)(OWN(state) * m)
{
    size_t number = OWN(number)(m);
    loam_btree_cursor cursor;

    (void)DO(cursor_seek_lower)(&cursor, &m->tree, TYPED_KEY(number));
    for (size_t n = 0; n < 8; n++) {
        size_t at;

        number =
            n % 3 ? (number + (size_t)test_rng_below(&m->rng, 5)) % TYPED_NUMBERS : OWN(number)(m);
        at = OWN(bound)(m, number, false);
        EXPECT_EQ(DO(cursor_seek_near)(&cursor, TYPED_KEY(number)),
                  at < m->count && m->pairs[at].number == number);
        OWN(expect)(m, DO(cursor_peek_next)(&cursor), at);
    }
}

/* A stretch between two cursors. */
static void OWN(stretch)(OWN(state) * m)
{
    size_t from = m->count ? (size_t)test_rng_below(&m->rng, m->count) : 0;
    size_t to = from + (size_t)test_rng_below(&m->rng, 12), erased;
    loam_btree_cursor cursor, behind;

    if (to > m->count)
        to = m->count;
    DO(cursor_seek_nth)(&cursor, &m->tree, from);
    DO(cursor_seek_nth)(&behind, &m->tree, to);
    EXPECT(DO(cursor_rank)(&cursor) == from && DO(cursor_rank)(&behind) == to);
    EXPECT_EQ(DO(cursor_between)(&cursor, &behind), to - from);
    EXPECT(DO(cursor_erase_to)(&cursor, &behind, &erased) && erased == to - from);
    if (from < to)
        memmove(m->pairs + from, m->pairs + to, (m->count - to) * sizeof *m->pairs);
    m->count -= to - from;
    OWN(expect)(m, DO(cursor_next)(&cursor), from);
}

/* ---- changes ---- */

static void OWN(cut_range)(OWN(state) * m, size_t at, size_t end)
{
    if (at >= end)
        return;
    memmove(m->pairs + at, m->pairs + end, (m->count - end) * sizeof *m->pairs);
    m->count -= end - at;
}

static void OWN(erase_range)(OWN(state) * m, bool growing)
{
    size_t from = OWN(number)(m);
    size_t to = from + (size_t)test_rng_below(&m->rng, growing ? 9 : TYPED_NUMBERS / 4);
    size_t low = OWN(bound)(m, from, false), end, erased = 0;

    if (to >= TYPED_NUMBERS)
        to = TYPED_NUMBERS - 1;
    end = OWN(bound)(m, to, false);
    switch ((size_t)test_rng_below(&m->rng, growing ? 2 : 4)) {
    case 0:
        EXPECT(DO(erase_range)(&m->tree, TYPED_KEY(from), TYPED_KEY(to), &erased));
        break;
    case 1:
        end = OWN(bound)(m, from, true);
        EXPECT(DO(erase_all)(&m->tree, TYPED_KEY(from), &erased));
        break;
    case 2:
        end = m->count;
        EXPECT(DO(erase_from)(&m->tree, TYPED_KEY(from), &erased));
        break;
    default:
        end = low;
        low = 0;
        EXPECT(DO(erase_before)(&m->tree, TYPED_KEY(from), &erased));
    }
    EXPECT_EQ(erased, low < end ? end - low : 0);
    OWN(cut_range)(m, low, end);
}

/* Keys that come in order, at an end or in the middle. */
static void OWN(insert_run)(OWN(state) * m, size_t most)
{
    size_t number = test_rng_one_in(&m->rng, 2) ? OWN(number)(m) : 0;
    bool up = test_rng_one_in(&m->rng, 2);

    if (!up)
        number = TYPED_NUMBERS - 1 - number;
    if (m->count > 0 && test_rng_one_in(&m->rng, 2))
        number = up ? m->pairs[m->count - 1].number : m->pairs[0].number;
    for (size_t n = 0; n < most && m->count < TYPED_MOST - 1; n++) {
        OWN(insert_number)(m, number);
        if (number == (up ? TYPED_NUMBERS - 1 : 0))
            break;
        if (!test_rng_one_in(&m->rng, 4))
            number = up ? number + 1 : number - 1;
    }
}

/* ---- for each entry ---- */

#ifdef TYPED_VALUE
#define TYPED_ALSO(more) , more
#else
#define TYPED_ALSO(more)
#endif

typedef struct OWN(calls) {
    const OWN(state) * m;
    size_t at;
    size_t stop;
    size_t ended;
} OWN(calls);

static bool OWN(stays)(void *context, const DO(k_) * of TYPED_ALSO(TYPED_VALUE * with))
{
    OWN(calls) *c = (OWN(calls) *)context;

    EXPECT(c->at < c->m->count && TYPED_IS(of, c->m->pairs[c->at].number));
#ifdef TYPED_VALUE
    EXPECT(TYPED_SAME(with, c->m->pairs[c->at].version));
#endif
    return c->m->pairs[c->at++].version % 3 != 0;
}

static bool OWN(clones)(void *context, DO(k_) * of TYPED_ALSO(TYPED_VALUE * with))
{
    OWN(calls) *c = (OWN(calls) *)context;

    EXPECT(c->at < c->m->count && TYPED_IS(of, c->m->pairs[c->at].number));
    if (c->at == c->stop)
        return false;
#ifdef TYPED_VALUE
    *with = TYPED_MAKE(c->at);
#endif
    c->at++;
    return true;
}

static void OWN(ends)(void *context, DO(k_) * of TYPED_ALSO(TYPED_VALUE * with))
{
    OWN(calls) *c = (OWN(calls) *)context;

    EXPECT(c->ended < c->m->count && TYPED_IS(of, c->m->pairs[c->ended].number));
#ifdef TYPED_VALUE
    EXPECT(TYPED_SAME(with, c->ended));
#endif
    c->ended++;
}

static void OWN(retain)(OWN(state) * m)
{
    OWN(calls) c = {m, 0, 0, 0};
    size_t erased, to = 0;

    EXPECT(DO(retain)(&m->tree, OWN(stays), &c, &erased) && c.at == m->count);
    for (size_t i = 0; i < m->count; i++) {
        if (m->pairs[i].version % 3 != 0)
            m->pairs[to++] = m->pairs[i];
    }
    EXPECT_EQ(erased, m->count - to);
    m->count = to;
}

static void OWN(own)(OWN(state) * m)
{
    OWN(calls) c = {m, 0, 0, 0};
    TYPED copy;

    c.stop = (size_t)test_rng_below(&m->rng, 2 * m->count + 1);
    if (DO(copy_owned)(&m->tree, m->allocator, &copy, OWN(clones), OWN(ends), &c)) {
        EXPECT(c.at == m->count && c.stop >= m->count && DO(check)(&copy, NULL, NULL));
        DO(clear_owned)(&copy, OWN(ends), &c);
        EXPECT(c.ended == m->count && DO(count)(&copy) == 0);
        DO(deinit)(&copy);
    } else {
        EXPECT(c.at == c.stop && c.ended == c.stop);
    }
}

#undef TYPED_ALSO

/* ---- two trees ---- */

/* Cut in two, which come together again in either order. */
static void OWN(part)(OWN(state) * m)
{
    size_t number = OWN(number)(m);
    TYPED right;

    EXPECT(DO(split)(&m->tree, TYPED_KEY(number), &right));
    EXPECT_EQ(DO(count)(&m->tree), OWN(bound)(m, number, false));
    EXPECT_EQ(DO(count)(&m->tree) + DO(count)(&right), m->count);
    if (test_rng_one_in(&m->rng, 2)) {
        EXPECT(DO(merge)(&m->tree, &right) && DO(count)(&right) == 0);
    } else {
        EXPECT(DO(merge)(&right, &m->tree) && DO(count)(&m->tree) == 0);
        EXPECT(DO(join)(&m->tree, &right) && DO(count)(&right) == 0);
    }
    DO(deinit)(&right);
}

/* The snapshot is as it was, ends, and there is a new one, or none for a while. */
static void OWN(snapshots)(OWN(state) * m)
{
    size_t at = 0;

    if (m->has_twin) {
        EXPECT(DO(check)(&m->twin, NULL, NULL));
        EXPECT_EQ(DO(count)(&m->twin), m->twin_count);
        TYPED_EACH(TYPED, it, &m->twin)
        {
            EXPECT(TYPED_IS(it.key, m->twin_pairs[at].number));
#ifdef TYPED_VALUE
            EXPECT(TYPED_SAME(it.value, m->twin_pairs[at].version));
#endif
            at++;
        }
        EXPECT_EQ(at, m->twin_count);
        DO(deinit)(&m->twin);
    }
    m->has_twin = test_rng_one_in(&m->rng, 2) && DO(snapshot)(&m->tree, &m->twin);
    m->twin_count = m->count;
    memcpy(m->twin_pairs, m->pairs, m->count * sizeof *m->pairs);
}

static void OWN(more)(OWN(state) * m, bool growing)
{
    switch ((size_t)test_rng_below(&m->rng, 12)) {
    case 0:
        OWN(stretch)(m);
        break;
    case 1:
        OWN(look_back)(m);
        break;
    case 2:
        OWN(loops)(m);
        break;
    case 3:
        OWN(near)(m);
        break;
    case 4:
        OWN(erase_range)(m, growing);
        break;
    case 5:
        if (!growing)
            OWN(retain)(m);
        break;
    case 6:
        OWN(own)(m);
        break;
    case 7:
        OWN(part)(m);
        break;
    case 8:
        OWN(snapshots)(m);
        break;
    default:
        OWN(insert_run)(m, growing ? 60 : 4);
    }
}
