/* arena.c: how an arena begins and ends.
 *
 * What it is and what holds for it stands in arena_internal.h; push.c moves it forward, back.c
 * moves it back.
 */
#include "arena_internal.h"

#include "internal/mark.h"
#include "internal/vm_cache.h"

/* Bytes of address space that a reservation asks for when nobody says. */
#define RESERVE_DEFAULT ((size_t)1 << (sizeof(void *) >= 8 ? 36 : 26))

/* Bytes of address space that arenas share: half of what x86-64 gives a process. */
#define ADDRESS_SHARE ((size_t)1 << (sizeof(void *) >= 8 ? 46 : 31))

/* Bytes that all living arenas have reserved. */
static size_t reserved;

/* The size that the last reservation climbed down to; 0: none had to. A hint. */
static size_t last_climbed;

/* ---- configuration ---- */

static size_t huge_page_size(void)
{
    size_t size = loam_vm_huge_page_size();

    return size ? size : (size_t)2 << 20;
}

static bool sizes_valid(const loam_arena_config *config)
{
    if (config->auto_align != 0 &&
        (!loam_is_pow2(config->auto_align) || config->auto_align > ARENA_ALIGN_LIMIT))
        return false;
    return config->page_size == 0 ||
           (loam_is_pow2(config->page_size) && config->page_size <= huge_page_size());
}

bool loam_arena_config_valid(const loam_arena_config *config)
{
    if ((config->auto_align | config->page_size) != 0 && !sizes_valid(config))
        return false;
    if (config->backing == LOAM_ARENA_FIXED && !config->buffer)
        return false;
    return (unsigned)config->backing <= LOAM_ARENA_FIXED &&
           (unsigned)config->retention <= LOAM_ARENA_GIVE_BACK;
}

static size_t choose_align(const loam_arena_config *config)
{
    return config->auto_align ? config->auto_align : LOAM_MAX_ALIGN;
}

static loam_allocator choose_source(const loam_arena_config *config)
{
    if (config->backing == LOAM_ARENA_RESERVE || config->backing == LOAM_ARENA_FIXED)
        return (loam_allocator){NULL, NULL};
    if (config->source.ops)
        return config->source;
    return config->backing == LOAM_ARENA_CHAIN ? loam_libc_allocator() : loam_vm_allocator();
}

static size_t choose_block_size(const loam_arena_config *config)
{
    if (config->block_size)
        return loam_max(config->block_size, 2 * block_header_size());
    return config->backing == LOAM_ARENA_CHAIN ? ARENA_BLOCK_PLAIN : ARENA_BLOCK_BEHIND;
}

/* Everything of an arena that does not depend on its memory. */
static void set_up(loam_arena *arena, const loam_arena_config *config, loam_allocator source,
                   uint8_t home)
{
    loam_clear(&arena->scope, offsetof(loam_arena, first.base) - offsetof(loam_arena, scope));
    arena->align_mask = choose_align(config) - 1;
    arena->block = &arena->first;
    arena->source = source;
    arena->block_size = choose_block_size(config);
    arena->block_limit = loam_max(ARENA_BLOCK_LIMIT, arena->block_size);
    arena->limit = config->limit ? config->limit : SIZE_MAX;
    arena->keep = config->retention == LOAM_ARENA_KEEP_BYTES ? config->keep : 0;
    arena->name = config->name ? config->name : "arena";
    arena->log = config->log;
    arena->log_context = config->log_context;
    arena->mapping_kind = 0;
    arena->backing = (uint8_t)config->backing;
    arena->retention = (uint8_t)config->retention;
    arena->home = home;
    arena->watched = LOAM_CHECKS || config->log || loam_mark_wanted();
    arena->odd_marks = false;
}

/* As loam_arena_refresh() for an arena at its beginning, where `base` is aligned. */
static inline void open_room(loam_arena *arena, char *base, const char *committed)
{
    size_t room = loam_min(arena->limit, bytes_between(base, committed)) & ~arena->align_mask;

    arena->end = arena->watched ? base : base + room;
    arena->fast = arena->watched ? NULL : &arena->first;
}

/* Lets the first block begin at `base`, rounded up to the alignment. False iff nothing is left. */
LOAM_INLINE bool open_first(loam_arena *arena, char *base, char *committed, char *end,
                            char *zero_from)
{
    size_t padding = loam_padding(base, alignment_of(arena));

    if (padding >= bytes_between(base, committed))
        return false;
    base += padding;
    arena->first.base = arena->next = arena->high = base;
    arena->first.committed = committed;
    arena->first.end = end;
    arena->zero_from = zero_from > base ? zero_from : base;
    loam_arena_bury(arena, base, bytes_between(base, committed));
    open_room(arena, base, committed);
    return true;
}

/* A plain chain that has no block yet: no room, at an address that has every alignment. */
static void open_nothing(loam_arena *arena)
{
    char *nowhere = (char *)loam_empty_block(ARENA_ALIGN_LIMIT);

    arena->first.base = arena->first.committed = arena->first.end = nowhere;
    arena->next = arena->high = arena->zero_from = nowhere;
    loam_arena_refresh(arena);
}

/* ---- reservations ---- */

/* Arenas whose pages are advised alike share released reservations. */
static uint32_t mapping_kind(const loam_arena_config *config)
{
    return LOAM_MAPPING_ADVISED + (config->page_size ? loam_log2(config->page_size) : 0);
}

/* Address space is not ours alone: an arena that nobody sized asks for a 64th, a power of two, of
 * what all arenas together have not reserved. So however many there are, they leave room. */
static size_t choose_default_reserve(void)
{
    size_t space = loam_min(loam_vm_address_space(), ADDRESS_SHARE);
    size_t used = __atomic_load_n(&reserved, __ATOMIC_RELAXED);
    size_t part = used < space ? (space - used) / 64 : 0;

    if (part <= ARENA_RESERVE_LEAST)
        return ARENA_RESERVE_LEAST;
    return loam_min(RESERVE_DEFAULT, (size_t)1 << loam_log2(part));
}

static size_t choose_reserve(const loam_arena_config *config)
{
    size_t wanted = config->reserve ? config->reserve : choose_default_reserve();

    if (wanted > (size_t)PTRDIFF_MAX - huge_page_size())
        wanted = (size_t)PTRDIFF_MAX - huge_page_size();
    return loam_round_up(wanted, loam_max(config->page_size, loam_vm_reserve_granularity()));
}

/* A reservation starts where pushes are aligned, so that all of it is of use. */
static size_t reservation_align(const loam_arena_config *config, size_t size)
{
    size_t align = loam_max(config->page_size, loam_vm_reserve_granularity());

    return loam_max(size >= huge_page_size() ? huge_page_size() : align, choose_align(config));
}

/* Where reservations had to climb down before, the system is asked for the whole once more, since
 * it may have room again; then one that climbed down as far will do. */
static bool take_like_the_last(size_t wanted, size_t align, uint32_t kind, loam_mapping *mapping)
{
    size_t climbed = __atomic_load_n(&last_climbed, __ATOMIC_RELAXED);
    char *base;

    if (climbed == 0 || climbed >= wanted)
        return false;
    base = (char *)loam_vm_reserve(wanted, align);
    if (!base)
        return loam_vm_cache_take(climbed, align, kind, mapping);
    __atomic_store_n(&last_climbed, 0, __ATOMIC_RELAXED);
    *mapping = (loam_mapping){.base = base, .size = wanted, .kind = kind};
    return true;
}

static bool take_reservation(const loam_arena_config *config, loam_mapping *mapping)
{
    size_t wanted = choose_reserve(config);
    size_t least = loam_min(wanted, ARENA_RESERVE_LEAST);
    size_t align = reservation_align(config, wanted);
    uint32_t kind = mapping_kind(config);

    if (loam_vm_cache_take(wanted, align, kind, mapping) ||
        take_like_the_last(wanted, align, kind, mapping))
        return true;
    if (!loam_vm_cache_reserve(wanted, least, align, kind, mapping))
        return false;
    if (mapping->size < wanted)
        __atomic_store_n(&last_climbed, mapping->size, __ATOMIC_RELAXED);
    return true;
}

static bool commit_first(loam_mapping *mapping, size_t size)
{
    size_t wanted = loam_min(size, mapping->size);

    if (mapping->committed >= wanted)
        return true;
    if (!loam_vm_commit(mapping->base + mapping->committed, wanted - mapping->committed))
        return false;
    mapping->committed = wanted;
    return true;
}

/* Takes a reservation whose first `taken` bytes will hold the arena itself, and commits its start:
 * a step, or just the page of the first byte behind that. */
static bool start_reservation(const loam_arena_config *config, size_t taken, loam_mapping *mapping)
{
    size_t page = loam_max(config->page_size, loam_vm_page_size());
    size_t first = loam_round_up(taken, choose_align(config));
    size_t least = loam_round_up(first + 1, page);

    if (!take_reservation(config, mapping))
        return false;
    if (first < mapping->size &&
        (commit_first(mapping, loam_max(ARENA_COMMIT_STEP, least)) || commit_first(mapping, least)))
        return true;
    loam_vm_cache_give(mapping);
    return false;
}

/* Explicit huge pages are advised at once, those of the policy when the arena grows to them. */
static void set_up_huge_pages(loam_arena *arena, const loam_arena_config *config,
                              const loam_mapping *mapping)
{
    size_t huge = loam_vm_huge_page_size();
    size_t from = config->page_size == 0 ? ARENA_HUGE_FROM : 0;

    arena->advised = mapping->advised;
    arena->huge_from = NULL;
    if (huge == 0 || (config->page_size != 0 && config->page_size != huge) ||
        mapping->size < from + huge)
        return;
    arena->huge_from = mapping->base + loam_round_up(from, huge);
    if (from == 0 && arena->advised < mapping->size &&
        loam_vm_advise(mapping->base, mapping->size, LOAM_VM_HUGE))
        arena->advised = mapping->size;
}

/* Opens the first block in a reservation whose first `taken` bytes hold the arena itself. */
static void open_reservation(loam_arena *arena, const loam_arena_config *config,
                             const loam_mapping *mapping, size_t taken)
{
    size_t dirty = loam_max(mapping->dirty, taken);

    arena->page_size = loam_max(config->page_size, loam_vm_page_size());
    arena->commit_step = loam_max(ARENA_COMMIT_STEP, arena->page_size);
    arena->mapping_kind = mapping->kind;
    arena->reservation = mapping->size;
    arena->reservation_base = mapping->base;
    (void)__atomic_fetch_add(&reserved, mapping->size, __ATOMIC_RELAXED);
    set_up_huge_pages(arena, config, mapping);
    (void)open_first(arena, mapping->base + taken, mapping->base + mapping->committed,
                     mapping->base + mapping->size, mapping->base + dirty);
}

/* ---- life on the caller's storage ---- */

static bool init_reserving(loam_arena *arena, const loam_arena_config *config)
{
    loam_mapping mapping;

    if (start_reservation(config, 0, &mapping))
        open_reservation(arena, config, &mapping, 0);
    else if (config->backing == LOAM_ARENA_RESERVE_CHAIN)
        open_nothing(arena);
    else
        return false;
    return true;
}

static bool init_fixed(loam_arena *arena, const loam_arena_config *config, size_t taken)
{
    char *buffer = (char *)config->buffer;
    char *end = buffer + config->buffer_size;

    return taken < config->buffer_size && open_first(arena, buffer + taken, end, end, end);
}

static bool open_backing(loam_arena *arena, const loam_arena_config *config)
{
    switch (config->backing) {
    case LOAM_ARENA_FIXED:
        return init_fixed(arena, config, 0);
    case LOAM_ARENA_CHAIN:
        open_nothing(arena);
        return true;
    default:
        return init_reserving(arena, config);
    }
}

bool loam_arena_init(loam_arena *arena, const loam_arena_config *config)
{
    static const loam_arena_config defaults;

    if (!config)
        config = &defaults;
    if (!loam_arena_config_valid(config))
        return false;
    set_up(arena, config, choose_source(config), HOME_CALLER);
    if (!open_backing(arena, config))
        return false;
    loam_arena_tell(arena, LOAM_ARENA_EVENT_INIT, NULL, 0);
    return true;
}

static void unlink_child(loam_arena *arena)
{
    loam_arena **link;

    for (link = &arena->parent->child; *link != arena; link = &(*link)->sibling)
        continue;
    *link = arena->sibling;
    loam_arena_refresh(arena->parent);
}

static void drop_blocks(loam_arena *arena, loam_arena_block *block)
{
    while (block && block != &arena->first) {
        loam_arena_block *prev = block->prev;

        loam_arena_drop_block(arena, block);
        block = prev;
    }
}

/* Behind the last byte of the reservation that may not read zero. */
static const char *dirty_end(const loam_arena *arena)
{
    if (arena->block != &arena->first)
        return arena->first.zero_from;
    return arena->next > arena->zero_from ? arena->next : arena->zero_from;
}

/* Hands the reservation on; the arena itself may lie in it and is not touched after this. */
static void give_reservation(const loam_arena *arena)
{
    loam_mapping mapping = {
        .base = arena->reservation_base,
        .size = arena->reservation,
        .committed = bytes_between(arena->reservation_base, arena->first.committed),
        .dirty = bytes_between(arena->reservation_base, dirty_end(arena)),
        .advised = arena->advised,
        .kind = arena->mapping_kind,
    };

    (void)__atomic_fetch_sub(&reserved, mapping.size, __ATOMIC_RELAXED);
    loam_vm_cache_give(&mapping);
}

void loam_arena_deinit(loam_arena *arena)
{
    loam_arena_block *first = &arena->first;

    LOAM_REQUIRE(arena->scope == 0, LOAM_MISUSE_ARENA_SCOPES_OPEN, arena);
    if (arena->child)
        loam_arena_end_children(arena, 0);
    if (arena->parent)
        unlink_child(arena);
    loam_arena_tell(arena, LOAM_ARENA_EVENT_DEINIT, NULL, 0);
    drop_blocks(arena, arena->block);
    drop_blocks(arena, arena->spare);
    if (arena->watched)
        loam_mark_undefined(first->base, bytes_between(first->base, first->committed));
    if (arena->reservation)
        give_reservation(arena);
}

/* ---- life inside its own memory ---- */

static size_t header_size(void)
{
    return loam_round_up(sizeof(loam_arena), ARENA_HEADER_ALIGN);
}

static loam_arena *create_in_buffer(const loam_arena_config *config)
{
    char *buffer = (char *)config->buffer;
    size_t before = loam_padding(buffer, LOAM_ALIGNOF(loam_arena));
    size_t taken = before + sizeof(loam_arena);
    loam_arena *arena = (loam_arena *)(void *)(buffer + before);

    if (config->buffer_size <= taken + loam_padding(buffer + taken, choose_align(config)))
        return NULL;
    set_up(arena, config, choose_source(config), HOME_BUFFER);
    (void)init_fixed(arena, config, taken);
    return arena;
}

static loam_arena *create_in_reservation(const loam_arena_config *config)
{
    loam_mapping mapping;
    loam_arena *arena;

    if (!start_reservation(config, header_size(), &mapping))
        return NULL;
    arena = (loam_arena *)(void *)mapping.base;
    set_up(arena, config, choose_source(config), HOME_RESERVATION);
    open_reservation(arena, config, &mapping, header_size());
    return arena;
}

static loam_arena *create_in_block_of(const loam_arena_config *config, size_t size)
{
    loam_allocator source = choose_source(config);
    loam_arena *arena;
    size_t dirty;
    char *base;

    size = loam_good_size(source, size, LOAM_MAX_ALIGN);
    base = loam_arena_take_memory(source, size, &dirty);
    if (!base)
        return NULL;
    arena = (loam_arena *)(void *)base;
    set_up(arena, config, source, HOME_SOURCE);
    arena->block_size = loam_min(arena->block_size * 2, arena->block_limit);
    arena->first.size = arena->chained = size;
    (void)open_first(arena, base + sizeof *arena, base + size, base + size, base + dirty);
    return arena;
}

/* The size of the first block is a hint; what it must hold is the arena and one aligned byte. */
static loam_arena *create_in_block(const loam_arena_config *config)
{
    size_t least = sizeof(loam_arena) + 2 * choose_align(config);
    size_t size = loam_max(choose_block_size(config), least);
    loam_arena *arena = create_in_block_of(config, size);

    return !arena && size > least ? create_in_block_of(config, least) : arena;
}

static loam_arena *create_where(const loam_arena_config *config)
{
    loam_arena *arena;

    if (config->backing == LOAM_ARENA_FIXED)
        return create_in_buffer(config);
    if (config->backing == LOAM_ARENA_CHAIN)
        return create_in_block(config);
    arena = create_in_reservation(config);
    return !arena && config->backing == LOAM_ARENA_RESERVE_CHAIN ? create_in_block(config) : arena;
}

loam_arena *loam_arena_create(const loam_arena_config *config)
{
    static const loam_arena_config defaults;
    loam_arena *arena;

    if (!config)
        config = &defaults;
    if (!loam_arena_config_valid(config))
        return NULL;
    arena = create_where(config);
    if (arena)
        loam_arena_tell(arena, LOAM_ARENA_EVENT_INIT, NULL, 0);
    return arena;
}

void loam_arena_destroy(loam_arena *arena)
{
    loam_allocator source;
    size_t size;

    if (!arena)
        return;
    source = arena->source;
    size = arena->home == HOME_SOURCE ? arena->first.size : 0;
    loam_arena_deinit(arena);
    if (size)
        loam_dealloc(source, arena, size, LOAM_MAX_ALIGN);
}

/* ---- children ---- */

/* A plain chain over the parent's source; over the C library where the parent has none. */
static loam_arena_config child_defaults(const loam_arena *parent)
{
    return (loam_arena_config){.backing = LOAM_ARENA_CHAIN, .source = parent->source};
}

loam_arena *loam_arena_create_child(loam_arena *parent, const loam_arena_config *config)
{
    loam_arena_config defaults = child_defaults(parent);
    loam_arena *child = loam_arena_create(config ? config : &defaults);
    size_t birth = loam_arena_pos(parent);

    /* Something is pushed, so that a mark from before and one from after the birth differ. */
    if (!child || !loam_arena_push_no_zero(parent, 1)) {
        loam_arena_destroy(child);
        return NULL;
    }
    child->parent = parent;
    child->birth = birth;
    child->sibling = parent->child;
    parent->child = child;
    loam_arena_refresh(parent);
    return child;
}

void loam_arena_end_children(loam_arena *arena, size_t position)
{
    while (arena->child && arena->child->birth >= position)
        loam_arena_destroy(arena->child);
}
