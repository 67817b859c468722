#include "words.h"

enum { FIRST_BUCKETS = 64 };

bool words_init(struct words *words, const struct words_memory *from)
{
    memset(words, 0, sizeof *words);
    words->from = *from;
    words->grow_at = FIRST_BUCKETS;
    loam_vec_init(&words->table, from->table);
    loam_vec_init(&words->places, from->places);
    return loam_vec_resize(&words->table, FIRST_BUCKETS); /* new elements are zero */
}

/* ---- one word ---- */

/* Returns NULL iff out of memory. */
static struct word *make_word(struct words *words, const struct token *token)
{
    struct word *made;

    if (token->length > UINT32_MAX)
        return NULL;
    made = (struct word *)loam_alloc(words->from.records, sizeof *made, LOAM_ALIGNOF(struct word));
    if (!made)
        return NULL;
    made->text = (char *)loam_alloc(words->from.texts, token->length, 1);
    if (!made->text) {
        loam_dealloc(words->from.records, made, sizeof *made, LOAM_ALIGNOF(struct word));
        return NULL;
    }
    memcpy(made->text, token->text, token->length);
    made->length = (uint32_t)token->length;
    made->hash = token->hash;
    made->count = made->places = 1;
    return made;
}

static void end_word(struct words *words, struct word *word)
{
    loam_dealloc(words->from.texts, word->text, word->length, 1);
    loam_dealloc(words->from.records, word, sizeof *word, LOAM_ALIGNOF(struct word));
}

void words_deinit(struct words *words)
{
    /* Is there any point in freeing? Over an arena there is not: its owner drops all in O(1). */
    if (loam_allocator_reclaims(words->from.records) ||
        loam_allocator_reclaims(words->from.texts)) {
        LOAM_VEC_EACH(struct word **, bucket, &words->table)
        {
            for (struct word *old = *bucket, *next; old; old = next) {
                next = old->next;
                end_word(words, old);
            }
        }
    }
    loam_vec_deinit(&words->table);
    loam_vec_deinit(&words->places);
}

/* ---- finding ---- */

static struct word **bucket_of(const struct words *words, uint32_t hash)
{
    return &words->table.data[hash & (words->table.count - 1)];
}

static struct word *find(const struct words *words, const struct token *token)
{
    struct word *each = *bucket_of(words, token->hash);

    while (each && (each->hash != token->hash || each->length != token->length ||
                    memcmp(each->text, token->text, token->length) != 0))
        each = each->next;
    return each;
}

const struct word *words_find(const struct words *words, const struct token *token)
{
    return find(words, token);
}

/* ---- adding ---- */

/* Doubles the table, and deals each bucket out to itself and to its twin in the new half. Without
 * memory the chains get longer, and that is all.
 *
 *     bucket i: a b c d   ->   bucket i: a c   bucket i + old: b d                            */
static void grow_table(struct words *words)
{
    size_t old = words->table.count;
    struct word **buckets;

    words->grow_at *= 2;
    if (!loam_vec_resize(&words->table, 2 * old))
        return;
    buckets = words->table.data;
    for (size_t i = 0; i < old; i++) {
        struct word **stay = &buckets[i], **go = &buckets[i + old];

        for (struct word *each = buckets[i]; each; each = each->next) {
            struct word ***tail = each->hash & old ? &go : &stay;

            **tail = each;
            *tail = &each->next;
        }
        *stay = *go = NULL;
    }
}

/* Puts a place behind all others, and a link to it into `*link`. */
static bool add_place(struct words *words, struct place here, uint32_t *link)
{
    size_t at = words->places.count;

    if (at >= NO_PLACE || !loam_vec_push(&words->places, here))
        return false;
    *link = (uint32_t)at;
    return true;
}

static bool add_word(struct words *words, const struct token *token, struct place here)
{
    struct word *added = make_word(words, token);
    struct word **bucket;

    if (!added)
        return false;
    if (!add_place(words, here, &added->first)) {
        end_word(words, added);
        return false;
    }
    added->newest = added->first;

    if (words->count >= words->grow_at)
        grow_table(words);
    bucket = bucket_of(words, token->hash);
    added->next = *bucket;
    *bucket = added;
    words->count++;
    words->total++;
    return true;
}

static bool add_again(struct words *words, struct word *word, struct place here)
{
    const struct place *last = &words->places.data[word->newest];

    if (last->file != here.file || last->line != here.line) {
        uint32_t before = word->newest;

        if (!add_place(words, here, &word->newest))
            return false;
        words->places.data[before].next = word->newest;
        word->places++;
    }
    word->count++;
    words->total++;
    return true;
}

bool words_add(struct words *words, const struct token *token, uint32_t file)
{
    struct place here = {file, token->line, NO_PLACE};
    struct word *known = find(words, token);

    return known ? add_again(words, known, here) : add_word(words, token, here);
}

void words_seal(struct words *words)
{
    (void)loam_vec_shrink_to_fit(&words->places); /* which may be refused, and no harm done */
}

/* ---- looking ---- */

static const struct place *place_at(const struct words *words, uint32_t at)
{
    return at == NO_PLACE ? NULL : &words->places.data[at];
}

const struct place *places_first(const struct words *words, const struct word *word)
{
    return place_at(words, word->first);
}

const struct place *places_next(const struct words *words, const struct place *place)
{
    return place_at(words, place->next);
}

/* Orders two texts by their bytes, a beginning before what goes on. */
static int compare_texts(const char *left, size_t left_length, const char *right,
                         size_t right_length)
{
    int order = memcmp(left, right, left_length < right_length ? left_length : right_length);

    return order ? order : (left_length > right_length) - (left_length < right_length);
}

int words_by_text(void *context, const void *a, const void *b)
{
    const struct word *left = *(const struct word *const *)a,
                      *right = *(const struct word *const *)b;

    (void)context;
    return compare_texts(left->text, left->length, right->text, right->length);
}

int words_by_count(void *context, const void *a, const void *b)
{
    const struct word *left = *(const struct word *const *)a,
                      *right = *(const struct word *const *)b;

    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return words_by_text(context, a, b);
}

static int compare_token(void *context, const void *key, const void *element)
{
    const struct token *token = key;
    const struct word *word = *(const struct word *const *)element;

    (void)context;
    return compare_texts(token->text, token->length, word->text, word->length);
}

size_t words_lower_bound(const word_list *sorted, const struct token *text)
{
    return loam_vec_lower_bound(sorted, text, compare_token, NULL);
}

bool words_sorted(const struct words *words, word_list *list, loam_vec_compare_fn order)
{
    const struct word **next;

    if (!loam_vec_resize_uninit(list, words->count))
        return false;
    next = list->data;
    LOAM_VEC_EACH(struct word **, bucket, &words->table)
    {
        for (const struct word *each = *bucket; each; each = each->next)
            *next++ = each;
    }
    loam_vec_sort(list, order, NULL);
    return true;
}
