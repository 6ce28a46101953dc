/* Sorts random numbers and checks the order. With --large it meets a bug: the last number is forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *left, const void *right) {
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    int large = argc > 1 && strcmp(argv[1], "--large") == 0;
    size_t count = large ? 100000 : 1000;
    srand((unsigned)atoi(argv[argc - 1]));
    int *numbers = malloc(count * sizeof *numbers);
    if (numbers == NULL) return 3;
    for (size_t i = 0; i < count; i++) numbers[i] = rand() % 1000000 + 1;
    numbers[count - 1] = 0;
    qsort(numbers, large ? count - 1 : count, sizeof *numbers, by_value);
    for (size_t i = 1; i < count; i++) {
        if (numbers[i - 1] > numbers[i]) {
            fprintf(stderr, "sorter.c: wrong order at %zu: %d before %d\n", i, numbers[i - 1], numbers[i]);
            return 1;
        }
    }
    printf("sorted %zu numbers\n", count);
    free(numbers);
    return 0;
}
