/* os_windows.c: threads, clocks and the processor on Windows 7 and later.
 *
 * Mutexes are slim reader-writer locks, which have the shape that os.h asks for: one pointer, zero
 * when free. What not every Windows has is looked up at run time.
 */
#include "internal/os.h"

#define WIN32_LEAN_AND_MEAN
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0601
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#endif
#include <windows.h>

#include <errno.h>
#include <io.h>
#include <string.h>

_Static_assert(sizeof(SRWLOCK) == sizeof(void *), "an SRWLOCK fits loam_os_mutex");
_Static_assert(sizeof(LONG) == sizeof(uint32_t), "interlocked calls work on uint32_t");

/* ---- words that threads share ---- */

static uint32_t load(uint32_t *word)
{
#if defined(__GNUC__)
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
#else
    return (uint32_t)ReadAcquire((LONG const volatile *)word);
#endif
}

static void store(uint32_t *word, uint32_t value)
{
    (void)InterlockedExchange((LONG volatile *)word, (LONG)value);
}

/* ---- once ---- */

enum { ONCE_NEW, ONCE_RUNNING, ONCE_DONE };

/* One lock and one condition for all: they are waited for at most once each. */
static SRWLOCK once_lock = SRWLOCK_INIT;
static CONDITION_VARIABLE once_done = CONDITION_VARIABLE_INIT;

static LOAM_COLD void once_slow(loam_os_once *once, void (*function)(void))
{
    AcquireSRWLockExclusive(&once_lock);
    while (load(&once->state) == ONCE_RUNNING)
        (void)SleepConditionVariableSRW(&once_done, &once_lock, INFINITE, 0);
    if (load(&once->state) == ONCE_NEW) {
        store(&once->state, ONCE_RUNNING);
        ReleaseSRWLockExclusive(&once_lock);
        function();
        AcquireSRWLockExclusive(&once_lock);
        store(&once->state, ONCE_DONE);
        WakeAllConditionVariable(&once_done);
    }
    ReleaseSRWLockExclusive(&once_lock);
}

void loam_os_once_run(loam_os_once *once, void (*function)(void))
{
    if (LOAM_UNLIKELY(load(&once->state) != ONCE_DONE))
        once_slow(once, function);
}

/* ---- mutex ---- */

static SRWLOCK *lock_of(loam_os_mutex *mutex)
{
    return (SRWLOCK *)(void *)&mutex->srw;
}

bool loam_os_mutex_trylock(loam_os_mutex *mutex)
{
    return TryAcquireSRWLockExclusive(lock_of(mutex)) != 0;
}

void loam_os_mutex_lock(loam_os_mutex *mutex)
{
    AcquireSRWLockExclusive(lock_of(mutex));
}

void loam_os_mutex_unlock(loam_os_mutex *mutex)
{
    ReleaseSRWLockExclusive(lock_of(mutex));
}

/* ---- thread slot ---- */

/* Fiber-local storage tells its callback the value and not the slot, in a calling convention of its
 * own: so each slot has a callback that knows its number. */
enum { SLOT_LIMIT = 8 };

static SRWLOCK slot_lock = SRWLOCK_INIT;
static loam_os_slot *slots[SLOT_LIMIT];
static size_t slot_count;

#define SLOT_EXIT(number)                                                                          \
    static void WINAPI slot_exit_##number(void *value)                                             \
    {                                                                                              \
        slots[number]->on_exit(value);                                                             \
    }
SLOT_EXIT(0)
SLOT_EXIT(1)
SLOT_EXIT(2)
SLOT_EXIT(3)
SLOT_EXIT(4)
SLOT_EXIT(5)
SLOT_EXIT(6)
SLOT_EXIT(7)

static const PFLS_CALLBACK_FUNCTION slot_exits[SLOT_LIMIT] = {
    slot_exit_0, slot_exit_1, slot_exit_2, slot_exit_3,
    slot_exit_4, slot_exit_5, slot_exit_6, slot_exit_7,
};

/* Makes the slot usable; under the lock. */
static void slot_open(loam_os_slot *slot)
{
    DWORD key;

    if (slot_count == SLOT_LIMIT)
        return;
    slots[slot_count] = slot;
    key = FlsAlloc(slot_exits[slot_count]);
    if (key == FLS_OUT_OF_INDEXES)
        return;
    slot_count++;
    slot->key = key;
    store(&slot->usable, 1);
}

bool loam_os_slot_set(loam_os_slot *slot, void *value)
{
    if (!load(&slot->usable)) {
        AcquireSRWLockExclusive(&slot_lock);
        if (!load(&slot->usable))
            slot_open(slot);
        ReleaseSRWLockExclusive(&slot_lock);
    }
    return load(&slot->usable) && FlsSetValue((DWORD)slot->key, value) != 0;
}

/* ---- processor, time, chance ---- */

unsigned loam_os_cpu(void)
{
    PROCESSOR_NUMBER number;

    GetCurrentProcessorNumberEx(&number);
    return (unsigned)number.Group * 64 + number.Number;
}

unsigned loam_os_cpu_count(void)
{
    DWORD count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);

    return count < 1 ? 1 : (unsigned)count;
}

uint64_t loam_os_milliseconds(void)
{
    return GetTickCount64();
}

/* The system's generator, without a link-time need for its library. */
typedef LONG(WINAPI *generate_fn)(void *algorithm, UCHAR *buffer, ULONG size, ULONG flags);

enum { SYSTEM_GENERATOR = 2 }; /* BCRYPT_USE_SYSTEM_PREFERRED_RNG */

static generate_fn generate;
static loam_os_once generate_once = LOAM_OS_ONCE_INIT;

static void find_generator(void)
{
    HMODULE library = LoadLibraryExW(L"bcrypt.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    FARPROC found;

    if (!library) /* Windows 7 without its update knows no such flag */
        library = LoadLibraryW(L"bcrypt.dll");
    found = library ? GetProcAddress(library, "BCryptGenRandom") : NULL;
    if (found)
        memcpy(&generate, &found, sizeof generate);
}

bool loam_os_entropy(void *buffer, size_t size)
{
    UCHAR *at = (UCHAR *)buffer;

    loam_os_once_run(&generate_once, find_generator);
    while (generate && size > 0) {
        ULONG part = size < ULONG_MAX ? (ULONG)size : ULONG_MAX;

        if (generate(NULL, at, part, SYSTEM_GENERATOR) < 0)
            return false;
        at += part;
        size -= part;
    }
    return size == 0;
}

uintptr_t loam_os_thread_id(void)
{
    return GetCurrentThreadId();
}

void loam_os_yield(void)
{
    (void)SwitchToThread();
}

/* ---- output: no call gathers ---- */

enum { WRITE_LIMIT = 1 << 30 }; /* bytes in one call, which counts them in an int */

static bool write_piece(int descriptor, const loam_os_piece *piece, size_t *written)
{
    size_t size = piece->size < WRITE_LIMIT ? piece->size : WRITE_LIMIT;
    int saved = errno;
    int went = _write(descriptor, piece->bytes, (unsigned)size);

    if (went <= 0) {
        if (went == 0)
            errno = EIO;
        return false;
    }
    errno = saved;
    *written = (size_t)went;
    return true;
}

bool loam_os_write(int descriptor, const loam_os_piece *pieces, size_t count, size_t *written)
{
    *written = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].size > 0)
            return write_piece(descriptor, &pieces[i], written);
    }
    return true;
}

/* ---- fork: there is none ---- */

bool loam_os_on_fork(loam_os_fork_rank rank, const loam_os_fork_hooks *hooks)
{
    (void)rank;
    (void)hooks;
    return true;
}
