/*
 * Places in drivers' code; see nt_place.h.
 */
#include "nt/loader/nt_place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "nt/loader/image_internal.h"

enum { MAX_FRAMES = 64 };

bool
nt_place_find(uintptr_t address, bool is_return_address, struct nt_place *ret_place)
{
    const uint8_t *code = (const uint8_t *)address - (is_return_address ? 1 : 0);
    const struct nt_image *image = nt_image_find(code);

    if (!image)
        return false;
    *ret_place = (struct nt_place){.offset = address - (uintptr_t)image->base};
    snprintf(ret_place->image, sizeof(ret_place->image), "%s", image->leaf);
    const struct nt_image_symbol *symbol = nt_image_symbol_at(image, code);
    if (symbol)
        snprintf(ret_place->function, sizeof(ret_place->function), "%s", symbol->name);
    uint64_t offset = (uint64_t)(code - image->base);
    if (image->kind == NT_IMAGE_SO)
        nt_dwarf_lines_find(image->path, offset, ret_place);
    else
        nt_pe_symbols_find_line(image, offset, ret_place);
    return true;
}

const char *
nt_place_line_text(const struct nt_place *place, char *text, size_t size)
{
    char folder[sizeof(place->file)];
    const char *file = place->file;

    if (getcwd(folder, sizeof(folder))) {
        size_t length = strlen(folder);
        if (strncmp(file, folder, length) == 0 && file[length] == '/')
            file += length + 1;
    }
    text[0] = '\0';
    if (place->line)
        snprintf(text, size, "%s:%u", file, place->line);
    return text;
}

struct search {
    uintptr_t found;
    unsigned frames;
};

static _Unwind_Reason_Code
look_at_frame(struct _Unwind_Context *context, void *opaque)
{
    struct search *search = opaque;
    uintptr_t address = _Unwind_GetIP(context);

    if (!nt_image_find((const void *)(address - 1)))
        return ++search->frames < MAX_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
    search->found = address;
    return _URC_END_OF_STACK;
}

uintptr_t
nt_place_caller(void)
{
    struct search search = {0};

    _Unwind_Backtrace(look_at_frame, &search);
    return search.found;
}
