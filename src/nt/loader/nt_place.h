/*
 * Places in drivers' code: from an address to image, function, file and line, for findings and faults.
 *
 * Model      Native images carry DWARF (dwarf_lines.c, by libdw), Windows images have a .pdb beside
 *            them (pdb.c). What is missing leaves its part empty; image and offset are always known.
 *            Files are opened when somebody asks, and closed again: nothing is kept, nothing is
 *            looked up before there is something to report.
 */
#ifndef WFP_NT_PLACE_H
#define WFP_NT_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** In a function that drivers import: the return address, for "where did this come from". */
#define NT_CALLER ((uintptr_t)__builtin_return_address(0))

struct nt_place {
    char image[64]; /* the file's name, "block_ip.so" */
    uint64_t offset;
    char function[128]; /* "" when unknown */
    char file[512];     /* as the compiler recorded it, absolute; "" when unknown */
    unsigned line;      /* 0 when unknown */
};

/**
 * Where the driver's code at @p address came from.
 *
 * @param address  of an instruction, or a return address: the call before it is meant then
 * @return false when no loaded image contains it
 *
 * Context: reads files and allocates; not for signal handlers.
 */
bool nt_place_find(uintptr_t address, bool is_return_address, struct nt_place *ret_place);
/** "block_ip.c:120", the file relative to the working folder where it lies below; "" when unknown. */
const char *nt_place_line_text(const struct nt_place *place, char *text, size_t size);
/**
 * The return address into the driver that called the runtime: the innermost on this thread's stack.
 *
 * @return 0 when there is none
 *
 * Context: any thread; no locks, about a microsecond.
 */
uintptr_t nt_place_caller(void);

#endif
