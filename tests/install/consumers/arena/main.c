/* A program that uses scratch arenas in two threads: each builds a text in an arena of its own,
 * with temporary memory that must come from another one. */
#include <loam/scratch.h>
#include <loam/version.h>

#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#endif

enum { WORDS = 1000, THREADS = 2 };

typedef struct job {
    const char *word;
    size_t length; /* of the text that was built; 0 if that failed */
} job;

/* The word, WORDS times, in `result`. */
static char *repeat(loam_arena *result, const char *word)
{
    loam_scratch scratch = loam_scratch_begin(&result, 1);
    char *text = NULL;
    char *draft = (char *)loam_arena_push(scratch.arena, WORDS * strlen(word) + 1);

    if (draft && scratch.arena != result) {
        char *end = draft;
        for (size_t i = 0; i < WORDS; i++) {
            memcpy(end, word, strlen(word));
            end += strlen(word);
        }
        text = loam_arena_push_text(result, draft, (size_t)(end - draft));
    }
    loam_scratch_end(&scratch);
    return text;
}

static void work(job *work)
{
    loam_scratch scratch = loam_scratch_begin(NULL, 0);
    char *text = repeat(scratch.arena, work->word);

    if (text && strncmp(text, work->word, strlen(work->word)) == 0)
        work->length = strlen(text);
    loam_scratch_end(&scratch);
}

#ifdef _WIN32
static DWORD WINAPI run(LPVOID argument)
{
    work((job *)argument);
    return 0;
}

static bool in_two_threads(job *jobs)
{
    HANDLE threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (!(threads[i] = CreateThread(NULL, 0, run, &jobs[i], 0, NULL)))
            return false;
    return WaitForMultipleObjects(THREADS, threads, TRUE, INFINITE) == WAIT_OBJECT_0;
}
#else
static void *run(void *argument)
{
    work((job *)argument);
    return NULL;
}

static bool in_two_threads(job *jobs)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0)
            return false;
    for (int i = 0; i < THREADS; i++)
        if (pthread_join(threads[i], NULL) != 0)
            return false;
    return true;
}
#endif

int main(void)
{
    job jobs[THREADS] = {{"sand", 0}, {"silt and clay", 0}};
    bool good = in_two_threads(jobs);

    for (int i = 0; i < THREADS; i++)
        good = good && jobs[i].length == WORDS * strlen(jobs[i].word);
    printf("loam %s: %s\n", LOAM_VERSION_STRING, good ? "good" : "bad");
    return good ? 0 : 1;
}
