/*
 * Line numbers of native images, from their DWARF by libdw (elfutils).
 *
 * Code that the compiler inlined from a header of the WDK counts as its caller's: nobody looks for a
 * mistake in IoSetCompletionRoutine().
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nt/loader/image_internal.h"

struct line {
    const char *file;
    int number;
};

static bool
is_windows_header(const char *file)
{
    return strstr(file, "/wdk/") != NULL;
}

/* The compile unit that has code at @p pc. wfp-cc writes no .debug_aranges: drivers are small. */
static bool
find_unit(Dwarf *dwarf, Dwarf_Addr pc, Dwarf_Die *ret_unit)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
        if (dwarf_haspc(&die, pc) == 1) {
            *ret_unit = die;
            return true;
        }
    return false;
}

/* Where @p call, an inlined function, was called. */
static bool
read_call_site(Dwarf_Die *unit, Dwarf_Die *call, struct line *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word file, number;
    Dwarf_Files *files;
    size_t count;

    if (dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &attribute), &file) != 0 ||
        dwarf_formudata(dwarf_attr(call, DW_AT_call_line, &attribute), &number) != 0 ||
        dwarf_getsrcfiles(unit, &files, &count) != 0 || file >= count)
        return false;
    *line = (struct line){dwarf_filesrc(files, file, NULL, NULL), (int)number};
    return line->file != NULL;
}

/* The innermost function and line that are the driver's own. */
static const char *
find_own(Dwarf_Die *unit, Dwarf_Addr pc, struct line *line)
{
    Dwarf_Die *scopes = NULL;
    const char *function = NULL;
    int count = dwarf_getscopes(unit, pc, &scopes);

    for (int i = 0; i < count && !function; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag == DW_TAG_inlined_subroutine && line->file && is_windows_header(line->file)) {
            if (!read_call_site(unit, &scopes[i], line))
                break;
        } else if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram) {
            function = dwarf_diename(&scopes[i]);
        }
    }
    free(scopes);
    return function;
}

static void
find_in(Dwarf *dwarf, Dwarf_Addr pc, struct nt_place *place)
{
    struct line line = {0};
    Dwarf_Die unit;

    if (!find_unit(dwarf, pc, &unit))
        return;
    Dwarf_Line *row = dwarf_getsrc_die(&unit, pc);
    if (!row || dwarf_lineno(row, &line.number) != 0)
        return;
    line.file = dwarf_linesrc(row, NULL, NULL);
    const char *function = find_own(&unit, pc, &line);
    if (function)
        snprintf(place->function, sizeof(place->function), "%s", function);
    if (!line.file || line.number <= 0)
        return;
    Dwarf_Attribute attribute;
    const char *folder = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
    bool is_relative = line.file[0] != '/' && folder;
    snprintf(place->file, sizeof(place->file), "%s%s%s", is_relative ? folder : "",
             is_relative ? "/" : "", line.file);
    place->line = (unsigned)line.number;
}

void
nt_dwarf_lines_find(const char *path, uint64_t offset, struct nt_place *place)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
    if (dwarf) {
        find_in(dwarf, offset, place);
        dwarf_end(dwarf);
    }
    close(fd);
}
