/* Hashes random bytes (FNV-1a, 64 bit) twice and compares. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t fnv1a(const unsigned char *data, size_t size) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 1099511628211u;
    return hash;
}

int main(int argc, char **argv) {
    unsigned char data[4096];
    srand((unsigned)(argc > 1 ? atoi(argv[1]) : 1));
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)rand();
    uint64_t first = fnv1a(data, sizeof data), second = fnv1a(data, sizeof data);
    if (first != second) {
        fprintf(stderr, "hasher.c: %016llx is not %016llx\n", (unsigned long long)first, (unsigned long long)second);
        return 1;
    }
    printf("hash %016llx\n", (unsigned long long)first);
    return 0;
}
