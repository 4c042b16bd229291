/*
 * Symbols of object files, and the export tables as the linker sees them.
 */
#include "programs/wfp-cc/cc_symbols.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL(name, doc)                    {#name, WFP_CC_IMPORT_CODE},
#define FULL_AS(name, symbol, doc)         {#name, WFP_CC_IMPORT_CODE},
#define PARTIAL(name, doc, gap)            {#name, WFP_CC_IMPORT_CODE},
#define PARTIAL_AS(name, symbol, doc, gap) {#name, WFP_CC_IMPORT_CODE},
#define STUB(name, doc)                    {#name, WFP_CC_IMPORT_CODE},
#define STUB_NULL(name, doc)               {#name, WFP_CC_IMPORT_CODE},
#define DATA(name, doc)                    {#name, WFP_CC_IMPORT_DATA},
#define DATA_AS(name, symbol, doc)         {#name, WFP_CC_IMPORT_DATA},
#define STUB_DATA(name, doc)               {#name, WFP_CC_IMPORT_DATA},
static const struct wfp_cc_module_row ntoskrnl[] = {
#include "nt/ntos/ntoskrnl.def"
};
static const struct wfp_cc_module_row hal[] = {
#include "nt/ntos/hal.def"
};
static const struct wfp_cc_module_row aux_klib[] = {
#include "nt/ntos/aux_klib.def"
};
static const struct wfp_cc_module_row fltmgr[] = {
#include "nt/fltmgr/fltmgr.def"
};
static const struct wfp_cc_module_row cng[] = {
#include "nt/cng/cng.def"
};
static const struct wfp_cc_module_row wpprecorder[] = {
#include "nt/ntos/wpprecorder.def"
};
static const struct wfp_cc_module_row ndis[] = {
#include "nt/ndis/ndis.def"
};
static const struct wfp_cc_module_row netio[] = {
#include "nt/ndis/netio.def"
};
static const struct wfp_cc_module_row wdfldr[] = {
#include "nt/kmdf/wdfldr.def"
};
static const struct wfp_cc_module_row fwpkclnt[] = {
#include "nt/fwps/fwpkclnt.def"
#include "policy/fwpm/fwpm.def"
};

#define MODULE(name, rows)                                                                         \
    {                                                                                              \
        name, rows, ELEMENTSOF(rows)                                                               \
    }
static const struct wfp_cc_module modules[] = {
    MODULE("ntoskrnl.exe", ntoskrnl),
    MODULE("hal.dll", hal),
    MODULE("ndis.sys", ndis),
    MODULE("netio.sys", netio),
    MODULE("fwpkclnt.sys", fwpkclnt),
    MODULE("wdfldr.sys", wdfldr),
    MODULE("fltmgr.sys", fltmgr),
    MODULE("cng.sys", cng),
    MODULE("wpprecorder.sys", wpprecorder),
    MODULE("aux_klib.lib", aux_klib),
};

const struct wfp_cc_module *
wfp_cc_symbols_modules(size_t *ret_count)
{
    *ret_count = ELEMENTSOF(modules);
    return modules;
}

/* Names we have no row for: Windows' prefixes tell the module. */
static const struct {
    const char *prefix, *module;
} families[] = {
    {"Fwpm", "fwpkclnt.sys"}, {"Fwps", "fwpkclnt.sys"},       {"Ndis", "ndis.sys"},
    {"NDIS_", "ndis.sys"},    {"Nmr", "netio.sys"},           {"Wsk", "netio.sys"},
    {"NetioI", "netio.sys"},  {"WppAuto", "wpprecorder.sys"}, {"imp_Wpp", "wpprecorder.sys"},
    {"Flt", "fltmgr.sys"},    {"BCrypt", "cng.sys"},          {"WdfLdr", "wdfldr.sys"},
    {"Hal", "hal.dll"},       {"Ke", "ntoskrnl.exe"},         {"Ki", "ntoskrnl.exe"},
    {"Ex", "ntoskrnl.exe"},   {"Mm", "ntoskrnl.exe"},         {"Io", "ntoskrnl.exe"},
    {"Ob", "ntoskrnl.exe"},   {"Ps", "ntoskrnl.exe"},         {"Rtl", "ntoskrnl.exe"},
    {"Se", "ntoskrnl.exe"},   {"Zw", "ntoskrnl.exe"},         {"Nt", "ntoskrnl.exe"},
    {"Cm", "ntoskrnl.exe"},   {"Cc", "ntoskrnl.exe"},         {"FsRtl", "ntoskrnl.exe"},
    {"Etw", "ntoskrnl.exe"},  {"Dbg", "ntoskrnl.exe"},        {"vDbg", "ntoskrnl.exe"},
    {"Po", "ntoskrnl.exe"},   {"Csq", "ntoskrnl.exe"},        {"Wmi", "ntoskrnl.exe"},
    {"Kf", "ntoskrnl.exe"},   {"Kd", "ntoskrnl.exe"},         {"Interlocked", "ntoskrnl.exe"},
    {"Inbv", "ntoskrnl.exe"}, {"Whea", "ntoskrnl.exe"},       {"Tm", "ntoskrnl.exe"},
};

bool
wfp_cc_symbols_find_export(const char *name, struct wfp_cc_import *ret_import)
{
    for (size_t m = 0; m < ELEMENTSOF(modules); m++)
        for (size_t i = 0; i < modules[m].count; i++)
            if (strcmp(modules[m].rows[i].name, name) == 0) {
                *ret_import =
                    (struct wfp_cc_import){modules[m].module, modules[m].rows[i].kind, false};
                return true;
            }
    for (size_t i = 0; i < ELEMENTSOF(families); i++) {
        size_t length = strlen(families[i].prefix);
        if (strncmp(name, families[i].prefix, length) == 0 && name[length] >= 'A' &&
            name[length] <= 'z') {
            *ret_import = (struct wfp_cc_import){families[i].module, WFP_CC_IMPORT_CODE, true};
            return true;
        }
    }
    return false;
}

void
wfp_cc_symbols_note_guess(const char *name, const struct wfp_cc_import *import)
{
    if (import->guessed)
        fprintf(stderr, "wfp-cc: note: %s is not in OpenWFP's export tables; assumed to be %s's\n",
                name, import->module);
}

static void
remove_item(struct wfp_cc_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0) {
            free(list->items[i]);
            list->items[i] = list->items[--list->count];
            list->items[list->count] = NULL;
            return;
        }
}

static void
add_symbol(struct wfp_cc_symbols *symbols, const char *name, bool defined)
{
    if (defined) {
        remove_item(&symbols->undefined, name);
        if (!wfp_cc_util_has(&symbols->defined, name))
            wfp_cc_util_add(&symbols->defined, name);
    } else if (!wfp_cc_util_has(&symbols->defined, name) &&
               !wfp_cc_util_has(&symbols->undefined, name)) {
        wfp_cc_util_add(&symbols->undefined, name);
    }
}

static int
read_elf(struct wfp_cc_symbols *symbols, const struct wfp_cc_text *file)
{
    const Elf64_Ehdr *header = (const void *)file->data;
    const Elf64_Shdr *sections = (const void *)(file->data + header->e_shoff);

    for (unsigned s = 0; s < header->e_shnum; s++) {
        if (sections[s].sh_type != SHT_SYMTAB)
            continue;
        const Elf64_Sym *table = (const void *)(file->data + sections[s].sh_offset);
        const char *names = file->data + sections[sections[s].sh_link].sh_offset;
        for (size_t i = sections[s].sh_info; i < sections[s].sh_size / sizeof(*table); i++)
            add_symbol(symbols, names + table[i].st_name, table[i].st_shndx != SHN_UNDEF);
    }
    return 0;
}

/* COFF: 18-byte records {name 8, value 4, section 2, type 2, class 1, extra records 1}. */
static int
read_coff(struct wfp_cc_symbols *symbols, const struct wfp_cc_text *file)
{
    const unsigned char *base = (const unsigned char *)file->data;
    uint32_t offset, count;
    memcpy(&offset, base + 8, 4);
    memcpy(&count, base + 12, 4);
    const unsigned char *table = base + offset;
    const char *strings = (const char *)table + (size_t)count * 18;

    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *symbol = table + (size_t)i * 18;
        char shorter[9] = "";
        const char *name = shorter;
        uint32_t zeroes, at, value;
        int16_t section;
        memcpy(&zeroes, symbol, 4);
        memcpy(&at, symbol + 4, 4);
        memcpy(&value, symbol + 8, 4);
        memcpy(&section, symbol + 12, 2);
        memcpy(shorter, symbol, 8);
        if (zeroes == 0)
            name = strings + at;
        if (symbol[16] == 2 /* external */)
            add_symbol(symbols, name, section != 0 || value != 0);
        else if (symbol[16] == 105 /* weak external: has a default */)
            add_symbol(symbols, name, true);
        i += symbol[17];
    }
    return 0;
}

int
wfp_cc_symbols_read(struct wfp_cc_symbols *symbols, const char *object)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text file = {0};
    if (wfp_cc_util_read(object, &file) < 0 || file.length < sizeof(Elf64_Ehdr))
        return -1;
    if (memcmp(file.data, ELFMAG, SELFMAG) == 0)
        return read_elf(symbols, &file);
    if (memcmp(file.data, "\x64\x86", 2) == 0)
        return read_coff(symbols, &file);
    return -1;
}

static void
plain_names(struct wfp_cc_text *file, const Elf64_Shdr *strings)
{
    for (size_t i = 0; i < strings->sh_size; i++)
        if (file->data[strings->sh_offset + i] == '@')
            file->data[strings->sh_offset + i] = '$';
}

/* The sanitizers' own constructors have a priority (.init_array.1) and stay. */
static bool
drop_constructors(const struct wfp_cc_text *file, Elf64_Shdr *sections, unsigned count,
                  const Elf64_Shdr *names)
{
    static const char own[] = ".init_array";
    bool found = false;
    for (unsigned s = 0; s < count; s++) {
        if (strcmp(file->data + names->sh_offset + sections[s].sh_name, own) != 0)
            continue;
        /* "array", the tail of the same string: unreferenced, so the linker drops it. */
        sections[s].sh_name += (Elf64_Word)strlen(".init_");
        sections[s].sh_type = SHT_PROGBITS;
        found = true;
    }
    return found;
}

int
wfp_cc_symbols_prepare(const char *object, bool *ret_constructors)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text file = {0};
    if (wfp_cc_util_read(object, &file) < 0 || file.length < sizeof(Elf64_Ehdr))
        return -1;
    if (memcmp(file.data, ELFMAG, SELFMAG) != 0) {
        *ret_constructors = memmem(file.data, file.length, ".CRT$XC", 7) != NULL;
        return 0;
    }
    const Elf64_Ehdr *header = (const void *)file.data;
    Elf64_Shdr *sections = (void *)(file.data + header->e_shoff);
    *ret_constructors =
        drop_constructors(&file, sections, header->e_shnum, &sections[header->e_shstrndx]);
    for (unsigned s = 0; s < header->e_shnum; s++)
        if (sections[s].sh_type == SHT_SYMTAB)
            plain_names(&file, &sections[sections[s].sh_link]);
    wfp_cc_util_write(object, file.data, file.length);
    return 0;
}

void
wfp_cc_symbols_fini(struct wfp_cc_symbols *symbols)
{
    wfp_cc_util_clear(&symbols->defined);
    wfp_cc_util_clear(&symbols->undefined);
}
