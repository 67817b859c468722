/* `loam view`: that the page is one, that what it says of a trace is what the trace says, and that it
 * works in a browser, where there is one. */
#include "view_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LETTER = 'A', FIRST_USED = 2 };

/* ---- the figures ---- */

/* What is live after each call; [0] is before the first. The caller's. */
static uint64_t *live_after(const trace_item *calls, size_t count)
{
    uint64_t *live = calloc(count + 1, sizeof *live);

    EXPECT(live != NULL);
    for (size_t i = 0; i < count; i++)
        live[i + 1] = live[i] + calls[i].size - calls[i].before;
    return live;
}

static void check_bins(const char *json, const uint64_t *live, size_t calls)
{
    size_t width = (size_t)view_get(json, "bin_calls"), count, tops;
    uint64_t *ends = view_list(json, "live", &count), *top = view_list(json, "top", &tops);

    EXPECT_EQ(count, (calls + width - 1) / width);
    EXPECT_EQ(tops, count);
    for (size_t i = 0; i < count; i++) {
        size_t end = (i + 1) * width < calls ? (i + 1) * width : calls;
        uint64_t most = 0;

        for (size_t k = i * width + 1; k <= end; k++)
            most = live[k] > most ? live[k] : most;
        EXPECT_EQ(ends[i], live[end]);
        EXPECT_EQ(top[i], most);
    }
    free(ends);
    free(top);
}

/* Sums up the cells [size, life, count, bytes] or [size, count, bytes] of a heat map. */
static uint64_t sum_of_heat(const char *json, const char *name, int fields)
{
    char member[32];
    const char *at, *end;
    uint64_t sum = 0;

    snprintf(member, sizeof member, "\"%s\":[", name);
    at = strstr(strstr(json, "\"heat\":"), member);
    EXPECT(at != NULL);
    at += strlen(member);
    for (end = strstr(at, "]]"); at < end && (at = strchr(at, '[')) && at < end; at++) {
        const char *count = strchr(at, ',') + 1;

        if (fields == 4)
            count = strchr(count, ',') + 1;
        sum += strtoull(count, NULL, 10);
    }
    return sum;
}

TEST(figures_are_those_of_the_trace, fast)
{
    size_t size, count;
    trace_sums sums;
    trace_item *calls = tools_calls(LOAM_TRACE_SMALL, &count, &sums);
    uint64_t *live = live_after(calls, count), frees = 0, blocks = 0, peak_call = 0;
    char *json = view_made(LOAM_TRACE_SMALL, &size, "--json", "--over", "none");

    for (size_t i = 0; i < count; i++) {
        frees += calls[i].op == TRACE_FREE;
        blocks += calls[i].op == TRACE_FREE ? UINT64_MAX : calls[i].op == TRACE_RESIZE ? 0 : 1;
        if (live[i + 1] > live[peak_call])
            peak_call = i + 1;
    }
    EXPECT_EQ(view_get(json, "calls"), count);
    EXPECT_EQ(view_get(json, "requests"), sums.requests);
    EXPECT_EQ(view_get(json, "frees"), frees);
    EXPECT_EQ(view_get(json, "peak_bytes"), sums.peak_live_bytes);
    EXPECT_EQ(view_get(json, "peak_call"), peak_call);
    EXPECT_EQ(view_get(json, "peak_blocks"), sums.peak_live_objects);
    EXPECT_EQ(view_get(json, "end_bytes"), live[count]);
    EXPECT_EQ(view_get(json, "end_blocks"), blocks);
    EXPECT_EQ(sum_of_heat(json, "calls", 4), frees);
    EXPECT_EQ(sum_of_heat(json, "kept", 3), blocks);
    check_bins(json, live, count);
    free(json);
    free(live);
    free(calls);
}

/* ---- the maps ---- */

/* Reads the cells of a frame, which change `cells`; returns the text behind it. */
static const char *read_cells(const char *at, char *cells, size_t count)
{
    size_t done = 0;

    EXPECT(*at++ == '"');
    while (*at != '"') {
        char letter = *at++;
        size_t run = 0;

        while (*at >= '0' && *at <= '9')
            run = run * 10 + (size_t)(*at++ - '0');
        run = run ? run : 1;
        EXPECT(done + run <= count &&
               (letter == '=' || (letter >= LETTER && letter < LETTER + 18)));
        if (letter != '=')
            memset(cells + done, letter, run);
        done += run;
    }
    EXPECT_EQ(done, count);
    return at + 1;
}

/* Where blocks are is at least as many cells as they fill, and no more than each might touch. */
static void check_cells(const char *map, const uint64_t *held, size_t frames)
{
    size_t count = (size_t)view_get(map, "cells");
    uint64_t bytes = view_get(map, "cell_bytes");
    char *cells = calloc(count, 1);
    const char *at = strstr(map, "\"levels\":[") + 10;

    EXPECT(cells != NULL);
    for (size_t f = 0; f < frames; f++) {
        uint64_t used = 0;

        at = read_cells(at, cells, count);
        at += strspn(at, ",\n");
        for (size_t i = 0; i < count; i++)
            used += cells[i] >= LETTER + FIRST_USED ? bytes : 0;
        EXPECT_LE(held[f], used);
    }
    EXPECT(*at == ']');
    free(cells);
}

static void check_map(const char *map, const uint64_t *live, size_t calls, uint64_t peak_call)
{
    size_t frames, count;
    uint64_t *call = view_list(map, "call", &frames), *at = view_list(map, "live", &count);
    uint64_t *held = view_list(map, "held", &count), *span = view_list(map, "span", &count);
    bool peak = false;

    EXPECT_EQ(count, frames);
    EXPECT_LE(256, frames);
    EXPECT_EQ(call[frames - 1], calls);
    for (size_t f = 0; f < frames; f++) {
        peak = peak || call[f] == peak_call;
        EXPECT_EQ(at[f], live[call[f]]);
        EXPECT_LE(at[f], held[f]);
        EXPECT_LE(held[f], span[f]);
    }
    EXPECT(peak);
    check_cells(map, held, frames);
    free(call);
    free(at);
    free(held);
    free(span);
}

/* No request of the trace is for 0 bytes, which a replay makes 1: so live bytes are the same there. */
TEST(maps_tell_what_is_live_at_each_look, fast)
{
    static const char *const names[] = {"libc", "heap", "grown", "sharded", "pool"};
    size_t size, count;
    trace_item *calls = tools_calls(LOAM_TRACE_SMALL, &count, NULL);
    uint64_t *live = live_after(calls, count);
    char *json =
        view_made(LOAM_TRACE_SMALL, &size, "--json", "--over", "libc,heap,grown,sharded,pool");
    const char *map = strstr(json, "\"maps\":");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char member[32];

        snprintf(member, sizeof member, "{\"name\":\"%s\",", names[i]);
        map = strstr(map, member);
        test_note("%s", names[i]);
        EXPECT(map != NULL && strstr(map, "\"failed\":null") != NULL);
        check_map(map, live, count, view_get(json, "peak_call"));
    }
    free(json);
    free(live);
    free(calls);
}

/* ---- small traces ---- */

TEST(no_event_and_one_event_make_pages, fast)
{
    static const view_call one[] = {{TRACE_ALLOC, 0, 1000}};
    size_t size;
    sink s;
    char *page;

    page = view_made(view_plain("none", one, 0), &size, NULL, NULL, NULL);
    EXPECT_EQ(view_get(page, "calls"), 0);
    EXPECT(strstr(page, "\"maps\":[]") != NULL);
    free(page);
    page = view_made(view_plain("one", one, 1), &size, NULL, NULL, NULL);
    EXPECT_EQ(view_get(page, "calls"), 1);
    EXPECT_EQ(view_get(page, "peak_bytes"), 1000);
    EXPECT(strstr(page, "{\"name\":\"heap\",") && strstr(page, "{\"name\":\"libc\","));
    free(page);
    view_end(view_begin(&s, NULL));
    page = view_made(view_file("none2", s.bytes, s.size), &size, NULL, NULL, NULL);
    EXPECT_EQ(view_get(page, "calls"), 0);
    free(page);
    free(s.bytes);
}

/* Live bytes of a kind's groups add up, and the names are there. */
TEST(threads_tags_and_bulks_are_told, fast)
{
    static const char *const kinds[] = {"thread", "tag", "allocator"};
    sink s;
    size_t size;
    char *json;

    view_rich(&s);
    json = view_made(view_file("rich", s.bytes, s.size), &size, "--json", NULL, NULL);
    for (size_t k = 0; k < 3; k++) {
        char member[32];
        const char *at, *end;
        uint64_t sum = 0, requests = 0;

        snprintf(member, sizeof member, "{\"kind\":\"%s\"", kinds[k]);
        at = strstr(json, member);
        EXPECT(at != NULL);
        for (end = strstr(at, "}]}"); (at = strstr(at, "\"name\":")) && at < end; at++) {
            sum += view_get(at, "end");
            requests += view_get(at, "requests");
        }
        EXPECT_EQ(sum, view_get(json, "end_bytes"));
        EXPECT_EQ(requests, view_get(json, "requests"));
    }
    EXPECT_EQ(view_get(json, "bulks"), 2);
    EXPECT_EQ(view_get(json, "threads"), 4);
    EXPECT(strstr(json, "\"name\":\"nodes\"") && strstr(json, "\"name\":\"(no tag)\""));
    EXPECT(strstr(json, "\"name\":\"frames\"") && strstr(json, "\"name\":\"others\""));
    EXPECT(strstr(json, "\"name\":\"thread 4\"") != NULL);
    EXPECT(view_get(json, "duration") > 0);
    free(json);
    free(s.bytes);
}

/* ---- hostile names ---- */

static size_t count_of(const char *text, size_t size, const char *word)
{
    size_t count = 0, length = strlen(word);

    for (size_t i = 0; i + length <= size; i++)
        count += memcmp(text + i, word, length) == 0;
    return count;
}

static void expect_utf8(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned char byte = (unsigned char)text[i++];
        size_t more = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;

        EXPECT(byte < 0x80 || (byte >= 0xc2 && byte < 0xf5));
        EXPECT(byte >= 32 || byte == '\n');
        for (; more > 0; more--)
            EXPECT(i < size && ((unsigned char)text[i++] & 0xc0) == 0x80);
    }
}

static char *hostile_page(size_t *size)
{
    static const char name[] =
        "</script><script>alert(1)</script><!--\"'\\&lt; \x01\x1f\x7f\xff\xc3("
        "\xed\xa0\x80\xf5\x80\xe2\x80\xa8 \xc3\xa9 @@data@@ \xf0\x9f\x8c";
    loam_arena arena;
    loam_recorded recorded;
    loam_recorder *recorder;
    char *page;
    sink s;

    recorder = view_begin(&s, name);
    EXPECT(loam_arena_init(&arena, NULL));
    loam_recorded_init(&recorded, loam_arena_allocator(&arena), recorder, name);
    loam_recorded_set_tag(&recorded, loam_recorder_tag(recorder, name));
    EXPECT(loam_alloc(loam_recorded_allocator(&recorded), 64, 8));
    loam_recorded_deinit(&recorded);
    view_end(recorder);
    loam_arena_deinit(&arena);
    page = view_made(view_file("hostile", s.bytes, s.size), size, "--over", "none", NULL);
    free(s.bytes);
    return page;
}

TEST(hostile_names_stay_text, fast)
{
    size_t size, plain_size;
    char *page = hostile_page(&size);
    char *plain = view_made(LOAM_TRACE_SMALL, &plain_size, "--over", "none", NULL);
    static const char *const words[] = {"<script", "</script", "<!--", "</title", "alert(1)<"};

    EXPECT_EQ(strlen(page), size);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        EXPECT_EQ(count_of(page, size, words[i]), count_of(plain, plain_size, words[i]));
    expect_utf8(page, size);
    EXPECT(strstr(page, "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)") != NULL);
    EXPECT(strstr(page, "\xc3\xa9 @@data@@ ") != NULL);
    free(page);
    free(plain);
}

/* Nothing is loaded from anywhere. */
TEST(a_page_needs_nothing_else, fast)
{
    size_t size;
    char *page = view_made(LOAM_TRACE_SMALL, &size, NULL, NULL, NULL);
    static const char *const words[] = {" src=", "url(", "@import", "<link", "fetch(", "https:"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        EXPECT_EQ(count_of(page, size, words[i]), (size_t)(strcmp(words[i], "url(") == 0));
    EXPECT(strstr(page, "\"url(#\"") != NULL); /* that one is a part of the page */
    EXPECT(strstr(page, "content=\"default-src 'none'; script-src 'unsafe-inline'") != NULL);
    free(page);
}

/* ---- refusals ---- */

TEST(view_refuses_and_leaves_nothing, fast)
{
    static unsigned char bytes[70];
    char path[256], part[300], cut[256];
    const ran *r;

    snprintf(path, sizeof path, "%s", tools_file("out-page"));
    snprintf(part, sizeof part, "%s.part", path);
    EXPECT_EQ(RUN("view")->code, 2);
    EXPECT_EQ(RUN("view", LOAM_TRACE_SMALL, LOAM_TRACE_SMALL)->code, 2);
    EXPECT_EQ(RUN("view", LOAM_TRACE_SMALL, "--over", "heap,stack", "-o", path)->code, 2);
    EXPECT_EQ(RUN("view", LOAM_TRACE_SMALL, "--preload", "./no-such.so", "-o", path)->code, 1);
    EXPECT_EQ(RUN("view", LOAM_TRACE_SMALL, "-o", "./no-such-folder/page.html")->code, 1);
    memcpy(bytes, "LOAMTR1", 8);
    bytes[8] = 1;
    snprintf(cut, sizeof cut, "%s", view_file("cut", bytes, sizeof bytes));
    r = RUN("view", cut, "-o", path);
    unlink(cut);
    EXPECT_EQ(r->code, 1);
    EXPECT(strstr(r->err, ": at byte ") != NULL);
    EXPECT(access(path, F_OK) != 0 && access(part, F_OK) != 0);
    if (access("/dev/full", W_OK) == 0)
        EXPECT_EQ(RUN("view", LOAM_TRACE_SMALL, "--over", "none", "-o", "/dev/full")->code, 1);
}

/* What no machine can hold ends the map and not the page. */
TEST(what_cannot_be_replayed_is_said, fast)
{
    static view_call calls[1024];
    size_t size;
    char *page;

    for (uint32_t i = 0; i < 1024; i++)
        calls[i] = (view_call){TRACE_ALLOC, i, (uint64_t)1 << 31};
    page = view_made(view_plain("big", calls, 1024), &size, NULL, NULL, NULL);
    EXPECT(strstr(page, "\"failed\":\"not replayed: there is too little memory\"") != NULL);
    EXPECT_EQ(view_get(page, "peak_bytes"), (uint64_t)1024 << 31);
    free(page);
}

/* ---- size ---- */

/* Writes a trace of blocks that come and go at random, for which no map can be told in few words. */
static const char *long_trace(size_t count)
{
    enum { SLOTS = 20000 };
    static uint64_t held[SLOTS];
    view_call *calls = calloc(count, sizeof *calls);
    test_rng rng;
    uint32_t slots = 0;
    const char *path;

    EXPECT(calls != NULL);
    memset(held, 0, sizeof held);
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < count; i++) {
        uint32_t slot;

        slot = (uint32_t)test_rng_below(&rng, slots < SLOTS ? slots + 1 : SLOTS);
        slots += slot == slots;
        calls[i] =
            held[slot]
                ? (view_call){TRACE_FREE, slot, 0}
                : (view_call){TRACE_ALLOC, slot,
                              1 + test_rng_below(&rng, test_rng_one_in(&rng, 16) ? 9000 : 300)};
        held[slot] = calls[i].size;
    }
    path = view_plain("long", calls, count);
    free(calls);
    return path;
}

static void expect_small(size_t calls)
{
    size_t size;
    const char *path = long_trace(calls);
    char *page = view_made(path, &size, "--over", "heap,libc,pool", NULL);

    EXPECT_EQ(view_get(page, "calls"), calls);
    EXPECT(strstr(page, "\"failed\":\"") == NULL);
    EXPECT_LE(size, 2 << 20);
    EXPECT_LE(300 << 10, size); /* what is told in few words would prove nothing */
    free(page);
}

TEST(pages_are_small_whatever_the_trace, fast)
{
    expect_small(200000);
}

TEST(pages_of_ten_million_calls_are_small, slow)
{
    expect_small(10000000);
}

/* ---- in a browser ---- */

/* One that runs here: chromium is a script on some systems, which wants a shell's commands. */
static const char *browser(void)
{
    static const char *const places[] = {"/usr/bin/chromium", "/usr/bin/chromium-browser",
                                         "/usr/bin/google-chrome"};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0 &&
            tools_run((const char *const[]){places[i], "--version", NULL})->code == 0)
            return places[i];
    return NULL;
}

/* What a browser makes of a page: its first bytes; `place` is what follows the name. */
static const char *browse(const char *page, size_t size, const char *place)
{
    char path[256], folder[300], url[900], where[512], profile[900], *dot;
    const char *program = browser();
    static char seen[OUTPUT];
    const ran *r;

    if (!program)
        TEST_SKIP("no chromium");
    EXPECT(getcwd(where, sizeof where) != NULL);
    snprintf(path, sizeof path, "%s", view_file("browsed", page, size));
    dot = strrchr(path, '.');
    snprintf(folder, sizeof folder, "%.*s.html", (int)(dot - path), path);
    EXPECT(rename(path, folder) == 0);
    snprintf(url, sizeof url, "file://%s/%s%s", where, folder, place);
    snprintf(profile, sizeof profile, "--user-data-dir=%s/%s.profile", where, folder);
    r = tools_run((const char *const[]){program, "--headless", "--no-sandbox", "--disable-gpu",
                                        "--virtual-time-budget=5000", profile, "--dump-dom", url,
                                        NULL});
    unlink(folder);
    EXPECT_EQ(r->code, 0);
    memcpy(seen, r->out, sizeof seen);
    tools_run((const char *const[]){"/bin/rm", "-rf", strchr(profile, '=') + 1, NULL});
    return seen;
}

static void expect_in(const char *text, const char *word)
{
    if (!strstr(text, word))
        TEST_FAIL("%s is not in the page:\n%.600s", word, text);
}

TEST(the_script_runs_and_moves_to_a_moment, fast)
{
    size_t size, count;
    trace_item *calls = tools_calls(LOAM_TRACE_SMALL, &count, NULL);
    uint64_t *live = live_after(calls, count);
    char *page = view_made(LOAM_TRACE_SMALL, &size, NULL, NULL, NULL), word[64];
    const char *seen = browse(page, size, "#call=4800&over=libc&from=4000&to=6000");

    expect_in(seen, "data-ready=\"true\"");
    EXPECT(strstr(seen, "data-error=") == NULL);
    expect_in(seen, "data-call=\"4800\"");
    snprintf(word, sizeof word, "data-live=\"%llu\"", (unsigned long long)live[4800]);
    expect_in(seen, word);
    free(page);
    free(live);
    free(calls);
}

/* Puts a script before the end of a page. */
static char *with_script(char *page, size_t *size, const char *script)
{
    char *end = strstr(page, "</body>"), *made = malloc(*size + strlen(script) + 32);

    EXPECT(end != NULL && made != NULL);
    *size =
        (size_t)sprintf(made, "%.*s<script>%s</script>%s", (int)(end - page), page, script, end);
    free(page);
    return made;
}

/* Presses every key and button there is. */
static const char *const exercise =
    "const root = document.documentElement.dataset, seen = [];"
    "const press = (key, shift) => document.body.dispatchEvent(new KeyboardEvent('keydown',"
    " {key, bubbles: true, shiftKey: !!shift}));"
    "try {"
    " press('End'); seen.push(root.call); press('Home'); seen.push(root.call);"
    " press('ArrowRight'); seen.push(root.call); press('P'); seen.push(root.call);"
    " ['+','+','-','ArrowLeft','m','t','0','t','m',' ',' '].forEach(k => press(k));"
    " press('ArrowRight', true);"
    " document.querySelectorAll('.tabs button, #kinds button').forEach((b, i, all) =>"
    "  document.querySelectorAll('.tabs button, #kinds button')[i].click());"
    " dispatchEvent(new Event('beforeprint')); dispatchEvent(new Event('afterprint'));"
    " dispatchEvent(new Event('resize'));"
    " document.querySelectorAll('.chart').forEach(c => ['pointermove','pointerleave'].forEach(n =>"
    "  c.dispatchEvent(new PointerEvent(n, {clientX: 300, clientY: 300, bubbles: true}))));"
    " root.seen = seen.join(' ');"
    "} catch (e) { root.error = String(e); }";

TEST(keys_and_buttons_do_what_they_say, fast)
{
    static const view_call calls[] = {{TRACE_ALLOC, 0, 1000}, {TRACE_ALLOC, 1, 500},
                                      {TRACE_FREE, 0, 0},     {TRACE_ALLOC, 0, 70000},
                                      {TRACE_RESIZE, 1, 10},  {TRACE_FREE, 0, 0}};
    size_t size;
    char *page = view_made(view_plain("six", calls, 6), &size, NULL, NULL, NULL);
    const char *seen;

    page = with_script(page, &size, exercise);
    seen = browse(page, size, "");
    expect_in(seen, "data-seen=\"6 0 1 4\"");
    EXPECT(strstr(seen, "data-error=") == NULL);
    free(page);
}

/* Pages of traces with everything, with nothing, and of hostile names are drawn too. */
TEST(odd_pages_are_drawn, slow)
{
    static const view_call none[] = {{TRACE_ALLOC, 0, 1}};
    sink s;
    size_t size;
    char *page;

    view_rich(&s);
    page = view_made(view_file("rich", s.bytes, s.size), &size, "--over", "heap,arena", NULL);
    page = with_script(page, &size, exercise);
    expect_in(browse(page, size, "#axis=time"), "data-seen=");
    free(page);
    free(s.bytes);
    page = with_script(view_made(view_plain("none", none, 0), &size, NULL, NULL, NULL), &size,
                       exercise);
    expect_in(browse(page, size, ""), "data-seen=\"0 0 0 0\"");
    free(page);
    page = with_script(hostile_page(&size), &size, exercise);
    expect_in(browse(page, size, ""), "data-seen=");
    free(page);
}

TEST_MAIN
