#include "words.h"

void words_init(struct words *words, const struct words_memory *from)
{
    const loam_btree_options options = {.order_statistics = true};

    memset(words, 0, sizeof *words);
    words->from = *from;
    dictionary_init(&words->dictionary, from->nodes, &options);
    loam_vec_init(&words->places, from->places);
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
        LOAM_BTREE_EACH(dictionary, each, &words->dictionary)
        end_word(words, each.key->word);
    }
    dictionary_deinit(&words->dictionary);
    loam_vec_deinit(&words->places);
}

/* ---- finding ---- */

static uint64_t prefix_of(const char *text, size_t length)
{
    uint64_t prefix = 0;

    for (size_t i = 0; i < 8 && i < length; i++)
        prefix |= (uint64_t)(unsigned char)text[i] << (56 - 8 * i);
    return prefix;
}

int words_compare(const struct word_key *a, const struct word_key *b)
{
    const struct word *left = a->word, *right = b->word;
    int order;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    order = memcmp(left->text, right->text,
                   left->length < right->length ? left->length : right->length);
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

/* What a word of this text would be found by. `*like` is made to stand for it, and lives as long. */
static struct word_key key_like(const struct token *token, struct word *like)
{
    like->text = (char *)token->text;
    like->length = token->length > UINT32_MAX ? UINT32_MAX : (uint32_t)token->length;
    return (struct word_key){prefix_of(token->text, token->length), like};
}

static struct word *find(const struct words *words, const struct token *token)
{
    struct word like;
    const struct word_key *found = dictionary_find(&words->dictionary, key_like(token, &like));

    return found ? found->word : NULL;
}

const struct word *words_find(const struct words *words, const struct token *token)
{
    return find(words, token);
}

/* ---- adding ---- */

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

    if (!added)
        return false;
    if (!add_place(words, here, &added->first)) {
        end_word(words, added);
        return false;
    }
    added->newest = added->first;
    if (!dictionary_insert(&words->dictionary,
                           (struct word_key){prefix_of(added->text, added->length), added}, NULL)) {
        (void)loam_vec_pop(&words->places, NULL);
        end_word(words, added);
        return false;
    }
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

void words_seek(const struct words *words, const struct token *text, loam_btree_cursor *cursor)
{
    struct word like;

    (void)dictionary_cursor_seek_lower(cursor, &words->dictionary, key_like(text, &like));
}

bool word_begins_with(const struct word *word, const struct token *text)
{
    return word->length >= text->length && memcmp(word->text, text->text, text->length) == 0;
}

static int most_frequent_first(void *context, const void *a, const void *b)
{
    const struct word *left = *(const struct word *const *)a,
                      *right = *(const struct word *const *)b;

    (void)context;
    return (left->count < right->count) - (left->count > right->count);
}

bool words_ranked(const struct words *words, word_list *list)
{
    const struct word **next;

    if (!loam_vec_resize_uninit(list, dictionary_count(&words->dictionary)))
        return false;
    next = list->data;
    LOAM_BTREE_EACH(dictionary, each, &words->dictionary)
    *next++ = each.key->word;
    loam_vec_stable_sort(list, most_frequent_first, NULL);
    return true;
}
