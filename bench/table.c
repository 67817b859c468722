/* table.c: the rows and contenders that the layers added, and the way from there to the shim. */
#include "bench.h"
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 512, CONTENDERS = 4096 };

static const bench_row *rows[ROWS];
static size_t row_count;
static bench_contender contenders[CONTENDERS];
static size_t contender_count;
static bool short_run;

static void stop(const char *what, const char *name)
{
    fprintf(stderr, "bench: %s: %s\n", what, name);
    exit(2);
}

void bench_add_row(const bench_row *row)
{
    if (row_count == ROWS)
        stop("too many rows", row->name);
    if (bench_row_find(row->name))
        stop("two rows of one name", row->name);
    rows[row_count++] = row;
}

void bench_add(const char *row, bench_kind kind, const char *name, shim_body body,
               const void *subject, size_t parameter)
{
    static const char *const names[] = {"loam", "limit", NULL, "malloc", NULL};
    bench_contender *added = &contenders[contender_count];

    if (contender_count == CONTENDERS)
        stop("too many contenders", row);
    added->row = bench_row_find(row);
    added->name = names[kind] ? names[kind] : name;
    if (!added->row)
        stop("no such row", row);
    if (bench_contender_find(row, added->name))
        stop("a second contender of one name", added->name);
    added->kind = kind;
    added->body = body;
    added->subject = subject;
    added->parameter = parameter;
    contender_count++;
}

size_t bench_row_count(void)
{
    return row_count;
}

const bench_row *bench_row_at(size_t index)
{
    return rows[index];
}

const bench_row *bench_row_find(const char *name)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    return NULL;
}

size_t bench_contender_count(void)
{
    return contender_count;
}

const bench_contender *bench_contender_at(size_t index)
{
    return &contenders[index];
}

const bench_contender *bench_contender_find(const char *row, const char *name)
{
    for (size_t i = 0; i < contender_count; i++)
        if (strcmp(contenders[i].row->name, row) == 0 && strcmp(contenders[i].name, name) == 0)
            return &contenders[i];
    return NULL;
}

const bench_contender *bench_self(const shim_state *state)
{
    return shim_context(state);
}

bool bench_short_run(void)
{
    return short_run;
}

void bench_set_short_run(bool is_short)
{
    short_run = is_short;
}

/* Every contender of a row has the same permission for huge pages. */
static void run_contender(shim_state *state)
{
    const bench_contender *self = bench_self(state);

    (void)machine_permit_huge(self->row->huge);
    if (self->row->threads > 1)
        machine_unpin();
    self->body(state);
}

void bench_register(const bench_contender *contender, double seconds)
{
    shim_how how = {contender, seconds, 0, false, contender->row->real_time};
    char name[256];

    if (contender->row->fresh || contender->row->whole || contender->row->exact)
        how.iterations = 1;
    how.body_takes_time = contender->row->fresh;
    snprintf(name, sizeof name, "%s/%s", contender->row->name, contender->name);
    shim_register(name, run_contender, &how);
}
