/* skip.c: stands in for a test that cannot run here. Prints why and ends with code 77, which ctest
 * reports as skipped. */
#include <stdio.h>

int main(int argument_count, char **arguments)
{
    printf("skipped: %s\n", argument_count > 1 ? arguments[1] : "no reason given");
    return 77;
}
