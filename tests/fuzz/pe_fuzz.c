/*
 * Hostile driver images: whatever the bytes, the PE reader loads or refuses, inside its own memory.
 *
 * Model      Each input goes through every step of the loader but the mapping: headers, sections,
 *            relocations, exception directory, load configuration, imports, exports; then frames
 * are undone from several points with the image's own unwind codes, and the same bytes are read as
 * a .pdb. The image lies in an exact heap block for the sanitizers to watch. Run        As a test:
 * pe_fuzz SEED.sys [SEED...] with mutations of each (environment: PE_FUZZ_RUNS, default 100,000 in
 * all; PE_FUZZ_SEED). With clang -fsanitize=fuzzer -DWFP_LIBFUZZER: a libFuzzer target.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "nt/loader/image_internal.h"
#include "nt/loader/pdb.h"
#include "nt/loader/pe_layout.h"
#include "nt/loader/seh_unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MAX_FUZZED_IMAGE = 1 << 20, MAX_SEED = 1 << 20 };

static unsigned long loaded, refused, oversized, names, symbols, frames;

static void
demand(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static void *
bind(void *context, const char *module, const char *name)
{
    names += strlen(module) + strlen(name) > 0;
    return (void *)(uintptr_t)bind;
}

static void
count_symbol(void *context, uint64_t rva, const char *name, size_t length)
{
    demand(memchr(name, '\0', length) == NULL, "a symbol's name ends where it says");
    symbols++;
}

static void
count_function(void *context, uint16_t section, uint32_t offset, const char *name, size_t length)
{
    count_symbol(context, offset, name, length);
}

/* Undo a frame at the beginning, in the middle and at the end of some functions. */
static void
unwind(const struct nt_pe_headers *headers, uint8_t *memory)
{
    uint64_t stack[512] = {0};
    struct nt_image image = {
        .kind = NT_IMAGE_SYS,
        .base = memory,
        .size = headers->size,
        .pdata_offset = headers->directories[PE_DIR_EXCEPTION].rva,
        .pdata_count = headers->directories[PE_DIR_EXCEPTION].size / 12,
    };
    for (uint32_t i = 0; i < image.pdata_count && i < 16; i++) {
        struct pe_runtime_function function;
        memcpy(&function, memory + image.pdata_offset + i * 12, sizeof(function));
        for (unsigned part = 0; part < 3; part++) {
            struct nt_context context = {0};
            struct nt_seh_frame frame;
            uint32_t length = function.end_rva - function.begin_rva;
            context.rip = (uint64_t)(uintptr_t)memory + function.begin_rva + length * part / 3;
            context.gpr[NT_RSP] = context.gpr[NT_RBP] = (uint64_t)(uintptr_t)(stack + 128);
            const struct pe_runtime_function *found = nt_seh_unwind_find(&image, context.rip);
            frames += nt_seh_unwind_step(&image, found, NT_UNWIND_EHANDLER, &context, &frame);
        }
    }
}

static enum nt_image_error
lay_out(const struct nt_pe_headers *headers, const uint8_t *bytes, size_t size, uint8_t *memory,
        const char **ret_why)
{
    const uint64_t base = (uint64_t)(uintptr_t)memory;
    enum nt_image_error error;

    nt_pe_layout_copy(headers, bytes, size, memory);
    error = nt_pe_layout_relocate(headers, memory, base, ret_why);
    if (!error)
        error = nt_pe_layout_check_pdata(headers, memory, ret_why);
    if (!error)
        error =
            nt_pe_layout_configure(headers, memory, base, 0x123456789ABC, bytes, bytes, ret_why);
    if (!error)
        error = nt_pe_layout_bind(headers, memory, bind, NULL, ret_why);
    return error;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t *memory;
    struct nt_pe_headers headers;
    const char *why = NULL;

    if (!memory)
        memory = malloc(MAX_FUZZED_IMAGE);
    demand(memory != NULL, "memory");
    char file[64];
    unsigned line;
    (void)nt_pdb_read(bytes, size, NULL, count_function, NULL);
    (void)nt_pdb_find_line(bytes, size, NULL, 1, 0x100, file, sizeof(file), &line);
    if (nt_pe_headers_read(bytes, size, &headers, &why) != NT_IMAGE_OK) {
        demand(why && *why, "a refusal says why");
        refused++;
        return 0;
    }
    demand(headers.size % NT_PE_PAGE == 0 && headers.size <= NT_PE_MAX_IMAGE_SIZE, "whole pages");
    if (headers.size > MAX_FUZZED_IMAGE) {
        oversized++;
        return 0;
    }
#ifdef WFP_LIBFUZZER
    uint8_t *exact = calloc(1, headers.size); /* so that one byte beyond is seen */
#else
    uint8_t *exact = memory + MAX_FUZZED_IMAGE - headers.size;
    memset(exact, 0, headers.size);
#endif
    if (lay_out(&headers, bytes, size, exact, &why) == NT_IMAGE_OK) {
        nt_pe_layout_exports(&headers, exact, count_symbol, NULL);
        unwind(&headers, exact);
        loaded++;
    } else {
        demand(why && *why, "a refusal says why");
        refused++;
    }
#ifdef WFP_LIBFUZZER
    free(exact);
#endif
    return 0;
}

#ifndef WFP_LIBFUZZER
static uint64_t random_state;

static uint32_t
random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return limit ? (uint32_t)((random_state >> 33) % limit) : 0;
}

/* Mostly where the tables are: headers, and whatever an aligned word may be. */
static size_t
mutate(uint8_t *bytes, size_t size)
{
    static const uint32_t interesting[] = {
        0,          1,    0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x1000, 0xFFF,
        0xFFFFF000, 0x10, 0x40000000, 0x20000000, 0xFFFFFFF8, 0x2000, 0x3000};
    for (unsigned n = 1 + random_below(4); n > 0; n--) {
        size_t at = random_below(2) ? random_below((uint32_t)MIN(size, (size_t)1024))
                                    : random_below((uint32_t)size);
        switch (random_below(5)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            bytes[at] = (uint8_t)random_below(256);
            break;
        case 2:
        case 3:
            at &= ~(size_t)3;
            if (at + 4 <= size)
                memcpy(bytes + at, &interesting[random_below(ELEMENTSOF(interesting))], 4);
            break;
        default:
            if (random_below(8) == 0)
                size = 1 + random_below((uint32_t)size);
            else if (at + 8 < size)
                memcpy(bytes + at, bytes + random_below((uint32_t)size - 8), 8);
            break;
        }
    }
    return size;
}

int
main(int argc, char **argv)
{
    static uint8_t seed[MAX_SEED], bytes[MAX_SEED];
    const char *runs_text = getenv("PE_FUZZ_RUNS"), *seed_text = getenv("PE_FUZZ_SEED");
    unsigned long runs = runs_text ? strtoul(runs_text, NULL, 10) : 300000;

    random_state = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        demand(file != NULL, argv[i]);
        size_t size = fread(seed, 1, sizeof(seed), file);
        fclose(file);
        demand(size > 0, "a seed has bytes");
        unsigned long before = loaded;
        LLVMFuzzerTestOneInput(seed, size);
        demand(loaded == before + 1 || !strstr(argv[i], ".sys"), "an image of ours loads");
        for (unsigned long n = 0; n < runs / (unsigned long)(argc - 1); n++) {
            memcpy(bytes, seed, size);
            LLVMFuzzerTestOneInput(bytes, mutate(bytes, size));
        }
    }
    printf("%lu loaded, %lu refused, %lu too large for this test; %lu imports, %lu symbols, %lu "
           "frames\n",
           loaded, refused, oversized, names, symbols, frames);
    return 0;
}
#endif
