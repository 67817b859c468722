#include "words.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 64 };

bool words_init(struct words *words, loam_allocator records, loam_allocator tables)
{
    memset(words, 0, sizeof *words);
    words->records = records;
    words->tables = tables;
    words->bucket_count = words->grow_at = FIRST_BUCKETS;
    words->buckets = (struct word **)loam_zalloc_array(tables, FIRST_BUCKETS, sizeof(struct word *),
                                                       LOAM_ALIGNOF(struct word *));
    if (!words->buckets)
        return false;
    words->blocks = loam_allocator_cache(records, sizeof(struct place_block),
                                         LOAM_ALIGNOF(struct place_block), &words->own);
    return true;
}

/* Bytes of a word with a text of `length`; more than any allocator serves where they overflow. */
static size_t word_size(size_t length)
{
    return length <= (size_t)PTRDIFF_MAX - sizeof(struct word) ? sizeof(struct word) + length
                                                               : SIZE_MAX;
}

static void give_back(struct words *words, struct word *old)
{
    for (struct place_block *block = old->blocks, *next; block; block = next) {
        next = block->next;
        loam_cache_give(words->blocks, block);
    }
    loam_dealloc(words->records, old, word_size(old->length), LOAM_ALIGNOF(struct word));
}

void words_deinit(struct words *words)
{
    /* Is there any point in freeing? Over an arena there is not: its owner drops all in O(1). */
    if (loam_allocator_reclaims(words->records)) {
        for (size_t i = 0; i < words->bucket_count; i++) {
            for (struct word *old = words->buckets[i], *next; old; old = next) {
                next = old->next;
                give_back(words, old);
            }
        }
    }
    loam_cache_deinit(&words->own);
    loam_delete_array(words->tables, struct word *, words->buckets, words->bucket_count);
}

/* ---- finding ---- */

static struct word **bucket_of(const struct words *words, uint32_t hash)
{
    return &words->buckets[hash & (words->bucket_count - 1)];
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

/* Doubles the table where it lies or where the allocator moves it, and deals each bucket out to
 * itself and to its twin in the new half. Without memory the chains get longer, and that is all.
 *
 *     bucket i: a b c d   ->   bucket i: a c   bucket i + old: b d                            */
static void grow_table(struct words *words)
{
    size_t old = words->bucket_count, bytes;
    struct word **buckets;

    words->grow_at *= 2;
    if (!loam_array_size(2 * old, sizeof(struct word *), &bytes))
        return;
    buckets = (struct word **)loam_realloc(words->tables, words->buckets, bytes / 2, bytes,
                                           LOAM_ALIGNOF(struct word *));
    if (!buckets)
        return;
    for (size_t i = 0; i < old; i++) {
        struct word **stay = &buckets[i], **go = &buckets[i + old];

        for (struct word *each = buckets[i]; each; each = each->next) {
            struct word ***tail = each->hash & old ? &go : &stay;

            **tail = each;
            *tail = &each->next;
        }
        *stay = *go = NULL;
    }
    words->buckets = buckets;
    words->bucket_count = 2 * old;
}

static bool add_word(struct words *words, const struct token *token, struct place here)
{
    struct word *added = (struct word *)loam_alloc(words->records, word_size(token->length),
                                                   LOAM_ALIGNOF(struct word));
    struct word **bucket;

    if (!added)
        return false;
    memset(added, 0, sizeof *added);
    added->count = added->places = 1;
    added->length = token->length;
    added->hash = token->hash;
    added->first = here;
    memcpy(added->text, token->text, token->length);

    if (words->count >= words->grow_at)
        grow_table(words);
    bucket = bucket_of(words, token->hash);
    added->next = *bucket;
    *bucket = added;
    words->count++;
    words->total++;
    return true;
}

/* Opens a new block for places behind the newest one of a word. */
static bool add_block(struct words *words, struct word *word)
{
    struct place_block *block = (struct place_block *)loam_cache_take(words->blocks);

    if (!block)
        return false;
    block->next = NULL;
    if (word->newest)
        word->newest->next = block;
    else
        word->blocks = block;
    word->newest = block;
    word->filled = 0;
    return true;
}

static bool add_place(struct words *words, struct word *word, struct place here)
{
    struct place last = word->newest ? word->newest->at[word->filled - 1] : word->first;

    if (last.file != here.file || last.line != here.line) {
        if ((!word->newest || word->filled == PLACES_IN_BLOCK) && !add_block(words, word))
            return false;
        word->newest->at[word->filled++] = here;
        word->places++;
    }
    word->count++;
    words->total++;
    return true;
}

bool words_add(struct words *words, const struct token *token, uint32_t file)
{
    struct place here = {file, token->line};
    struct word *known = find(words, token);

    return known ? add_place(words, known, here) : add_word(words, token, here);
}

/* ---- looking ---- */

struct places_cursor places_of(const struct word *word)
{
    return (struct places_cursor){.word = word, .block = word->blocks};
}

bool places_next(struct places_cursor *cursor, struct place *next)
{
    size_t index;

    if (cursor->visited == cursor->word->places)
        return false;
    if (cursor->visited == 0) {
        *next = cursor->word->first;
    } else {
        index = (cursor->visited - 1) % PLACES_IN_BLOCK;
        if (index == 0 && cursor->visited > 1)
            cursor->block = cursor->block->next;
        *next = cursor->block->at[index];
    }
    cursor->visited++;
    return true;
}

int words_by_text(const void *a, const void *b)
{
    const struct word *left = *(const struct word *const *)a,
                      *right = *(const struct word *const *)b;
    size_t common = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->text, right->text, common);

    return order ? order : (left->length > right->length) - (left->length < right->length);
}

int words_by_count(const void *a, const void *b)
{
    const struct word *left = *(const struct word *const *)a,
                      *right = *(const struct word *const *)b;

    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return words_by_text(a, b);
}

const struct word **words_sorted(const struct words *words, loam_allocator memory,
                                 words_order order)
{
    const struct word **sorted = loam_new_array(memory, const struct word *, words->count);
    size_t filled = 0;

    if (!sorted)
        return NULL;
    for (size_t i = 0; i < words->bucket_count; i++) {
        for (const struct word *each = words->buckets[i]; each; each = each->next)
            sorted[filled++] = each;
    }
    qsort(sorted, filled, sizeof *sorted, order);
    return sorted;
}
