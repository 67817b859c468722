/* machine.h: what the benchmarks must know and set of the machine that they run on. Linux. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Seconds of a clock that only goes forward, and seconds that this process ran, all its threads and
 * the system's work for them. */
double machine_seconds(void);
double machine_own_seconds(void);

/* Bytes of a page of the system. */
size_t machine_page_size(void);

/* Bytes that this process has in memory now; faults that it has had without reading from a disk. */
size_t machine_resident_bytes(void);
size_t machine_faults(void);

/* The most bytes that this process ever had in memory; and from now on only what it will have.
 * False: the system does not forget. */
size_t machine_peak_bytes(void);
bool machine_forget_peak(void);

/* Bytes of anonymous memory that this process has now, each page counted: exact, and slow. The resident
 * bytes above are what each CPU last told, and lag by some 100 KiB. 0: not known. */
size_t machine_anonymous_bytes(void);

/* Permits huge pages to this process and to programs that it starts, or forbids them, whatever the
 * system's own setting is. False: could not be set. */
bool machine_permit_huge(bool permit);

/* Whether the system gives huge pages to those that ask. */
bool machine_has_huge(void);

/* Makes sure that the machine below has memory for the next `bytes` that this process touches: takes
 * that much from the system, touches it and gives it back. In a virtual machine the host may have
 * taken free memory away, and the fault that gets it back costs ten times a guest's own: who
 * happens to meet it is luck. */
void machine_back_memory(size_t bytes);

/* Moves this process and those that it starts to one CPU, the last that it may use. Returns its
 * number, or -1: could not. */
int machine_pin(void);

/* How many CPUs there are for this program if it is not pinned. */
unsigned machine_cpus(void);

/* Lets this thread run on every CPU again; moves it to the one of that number among them, from 0. */
void machine_unpin(void);
void machine_pin_thread(unsigned number);

/* What was seen of other work on this machine. */
typedef struct machine_noise {
    int cpu;       /* which was looked at; -1: all */
    double at;     /* machine_seconds() */
    double busy;   /* seconds that the CPU did anything */
    double stolen; /* seconds that the CPU was given to another machine */
    double own;    /* seconds that ended children of this process used */
    long switches; /* times that they had to wait for others */
} machine_noise;

/* A look at the counters. */
void machine_look(machine_noise *noise, int cpu);

/* Prints the machine, and what about it makes figures unsteady. */
void machine_describe(FILE *out, int cpu);

/* Prints what disturbed the time between two looks, if much did. */
void machine_describe_noise(FILE *out, const machine_noise *before, const machine_noise *after);

#endif
