/* A program that keeps a list of nodes, and texts of many lengths, in pools on one region. */
#include <loam/pool.h>
#include <loam/version.h>

#include <stdio.h>
#include <string.h>

enum { NODES = 100000 };

typedef struct node {
    struct node *next;
    char *text;
    size_t length;
} node;

typedef struct list {
    loam_pool_class nodes;
    loam_pool texts;
    node *first;
} list;

static bool push(list *l, const char *text, size_t length)
{
    node *n = (node *)loam_pool_class_take(&l->nodes);

    if (!n)
        return false;
    n->length = length;
    n->text = (char *)loam_pool_take(&l->texts, length);
    if (!n->text) {
        loam_pool_class_give(&l->nodes, n);
        return false;
    }
    memcpy(n->text, text, length);
    n->next = l->first;
    l->first = n;
    return true;
}

static size_t pop(list *l)
{
    node *n = l->first;
    size_t length = n->length;

    l->first = n->next;
    loam_pool_give(&l->texts, n->text, length);
    loam_pool_class_give(&l->nodes, n);
    return length;
}

static bool work(list *l)
{
    static const char letters[] = "sand, silt and clay, each of them of its own";
    size_t written = 0, read = 0;

    for (size_t i = 0; i < NODES; i++) {
        size_t length = 1 + i % (sizeof letters - 1);

        if (!push(l, letters, length))
            return false;
        written += length;
        if (i % 3 == 0)
            read += pop(l);
    }
    while (l->first)
        read += pop(l);
    return read == written;
}

int main(void)
{
    loam_region region;
    list l = {.first = NULL};
    bool good = false;

    if (loam_region_init(&region, NULL)) {
        loam_granules granules = loam_region_granules(&region);
        loam_pool_class_config nodes = {.granules = granules, .size = sizeof(node)};
        loam_pool_config texts = {.granules = granules, .largest = 1024};

        if (loam_pool_class_init(&l.nodes, &nodes) && loam_pool_init(&l.texts, &texts)) {
            good = work(&l) && loam_pool_check(&l.texts, NULL, NULL);
            loam_pool_deinit(&l.texts);
            loam_pool_class_deinit(&l.nodes);
        }
        loam_region_deinit(&region);
    }
    printf("loam %s: %s\n", LOAM_VERSION_STRING, good ? "good" : "bad");
    return good ? 0 : 1;
}
