/*
 * Objects to a Windows .sys: import libraries from the export tables, entry, load configuration,
 * link.
 *
 *     GsDriverEntry (runtime/security_cookie.c) -> FxDriverEntry (runtime/kmdf_entry.c) ->
 * DriverEntry
 *
 * Import libraries are made for each link and hold only the names in use: a name that no module of
 * ours exports is the same error as in a native build.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc_runtime.h"

struct module_imports {
    const char *module;
    struct wfp_cc_text def;
};

struct link {
    struct wfp_cc *cc;
    struct wfp_cc_symbols symbols;
    struct wfp_cc_list objects, libraries;
    struct module_imports modules[32];
    size_t module_count;
};

/* `__imp_X` is how an object names the slot of a function declared dllimport. */
static const char *
plain_name(const char *name)
{
    return strncmp(name, "__imp_", 6) == 0 ? name + 6 : name;
}

static bool
add_import(struct link *link, const char *name, const struct wfp_cc_import *import)
{
    struct module_imports *entry = NULL;
    for (size_t i = 0; i < link->module_count && !entry; i++)
        if (strcmp(link->modules[i].module, import->module) == 0)
            entry = &link->modules[i];
    if (!entry) {
        if (link->module_count == ELEMENTSOF(link->modules))
            return false;
        entry = &link->modules[link->module_count++];
        entry->module = import->module;
        wfp_cc_util_appendf(&entry->def, "LIBRARY %s\nEXPORTS\n", import->module);
    }
    wfp_cc_util_appendf(&entry->def, "    %s%s\n", name,
                        import->kind == WFP_CC_IMPORT_DATA ? " CONSTANT" : "");
    return true;
}

static int
resolve(struct link *link)
{
    struct wfp_cc_list done = {0};
    size_t unknown = 0;
    for (size_t i = 0; i < link->symbols.undefined.count; i++) {
        const char *name = plain_name(link->symbols.undefined.items[i]);
        struct wfp_cc_import import;
        if (wfp_cc_util_has(&done, name) || wfp_cc_util_has(&link->symbols.defined, name))
            continue;
        wfp_cc_util_add(&done, name);
        if (wfp_cc_symbols_find_export(name, &import) && !wfp_cc_util_ends(import.module, ".lib") &&
            add_import(link, name, &import)) {
            wfp_cc_symbols_note_guess(name, &import);
            continue;
        }
        fprintf(stderr, "wfp-cc: undefined: %s (in no source, and no kernel module exports it)\n",
                name);
        unknown++;
    }
    wfp_cc_util_clear(&done);
    if (unknown == 0)
        return WFP_CC_OK;
    wfp_cc_util_error("%zu undefined symbols; %s was not made", unknown, link->cc->output);
    return WFP_CC_FAILED;
}

static int
make_libraries(struct link *link)
{
    struct wfp_cc *cc = link->cc;
    for (size_t i = 0; i < link->module_count; i++) {
        const struct module_imports *module = &link->modules[i];
        _cleanup_(freep) char *def = wfp_cc_util_format("%s/%s.def", cc->work_dir, module->module);
        _cleanup_(freep) char *lib = wfp_cc_util_format("%s/%s.lib", cc->work_dir, module->module);
        struct wfp_cc_list argv = {0};
        wfp_cc_util_write(def, module->def.data, module->def.length);
        wfp_cc_util_add(&argv, cc->linker);
        wfp_cc_util_add(&argv, "/lib");
        wfp_cc_util_add(&argv, "/nologo");
        wfp_cc_util_add(&argv, "/machine:x64");
        wfp_cc_util_addf(&argv, "/def:%s", def);
        wfp_cc_util_addf(&argv, "/out:%s", lib);
        int r = wfp_cc_util_run(argv.items);
        wfp_cc_util_clear(&argv);
        if (r != 0) {
            wfp_cc_util_error("cannot make the import library of %s", module->module);
            return WFP_CC_ENVIRONMENT;
        }
        wfp_cc_util_add(&link->libraries, lib);
    }
    return WFP_CC_OK;
}

/* The entry stub names the function it calls, so it comes after the framework was found. */
static int
add_entry(struct link *link)
{
    struct wfp_cc *cc = link->cc;
    struct wfp_cc_list extra = {0};
    bool kmdf = wfp_cc_util_has(&link->symbols.defined, "FxDriverEntry");
    _cleanup_(freep) char *source = wfp_cc_util_format("%s/security_cookie.c", cc->runtime_dir);
    _cleanup_(freep) char *object = wfp_cc_util_format("%s/runtime-entry.o", cc->work_dir);

    wfp_cc_util_addf(&extra, "-DREAL_ENTRY=%s", kmdf ? "FxDriverEntry" : "DriverEntry");
    int r = wfp_cc_compile_own(cc, source, object, &extra);
    wfp_cc_util_clear(&extra);
    if (r != 0)
        return r;
    wfp_cc_util_add(&link->objects, object);
    (void)wfp_cc_symbols_read(&link->symbols, object);
    return WFP_CC_OK;
}

static int
run_linker(struct link *link)
{
    static const char *const options[] = {
        "/nologo",       "/driver:wdm",     "/subsystem:native,10.0",
        "/nodefaultlib", "/machine:x64",    "/entry:GsDriverEntry",
        "/dynamicbase",  "/nxcompat",       "/fixed:no",
        "/Brepro",       "/release",        "/debug",
        "/opt:ref",      "/opt:noicf",      "/base:0x140000000",
        "/version:10.0", "/osversion:10.0", "/merge:.CRT=.rdata",
        "/ignore:4210",
    };
    struct wfp_cc *cc = link->cc;
    struct wfp_cc_list argv = {0};
    const char *dot = strrchr(wfp_cc_util_leaf(cc->output), '.');
    int stem = (int)(dot ? dot - cc->output : (ptrdiff_t)strlen(cc->output));

    wfp_cc_util_add(&argv, cc->linker);
    for (size_t i = 0; i < ELEMENTSOF(options); i++)
        wfp_cc_util_add(&argv, options[i]);
    wfp_cc_util_addf(&argv, "/out:%s", cc->output);
    wfp_cc_util_addf(&argv, "/pdb:%.*s.pdb", stem, cc->output);
    wfp_cc_util_addf(&argv, "/pdbaltpath:%s", "%_PDB%");
    for (size_t i = 0; i < link->objects.count; i++)
        wfp_cc_util_add(&argv, link->objects.items[i]);
    for (size_t i = 0; i < link->libraries.count; i++)
        wfp_cc_util_add(&argv, link->libraries.items[i]);
    int r = wfp_cc_util_run(argv.items);
    wfp_cc_util_clear(&argv);
    if (r == 0)
        return WFP_CC_OK;
    wfp_cc_util_error("the linker failed; %s was not made", cc->output);
    return WFP_CC_FAILED;
}

static int
link_all(struct link *link)
{
    struct wfp_cc *cc = link->cc;
    int r = wfp_cc_runtime_read_objects(cc, &link->symbols, &link->objects);
    if (r == 0)
        r = wfp_cc_runtime_add(cc, &link->symbols, &link->objects);
    if (r == 0)
        r = add_entry(link);
    if (r == 0) /* once more: the entry stub may need compiler support too */
        r = wfp_cc_runtime_add(cc, &link->symbols, &link->objects);
    if (r == 0)
        r = resolve(link);
    if (r == 0)
        r = make_libraries(link);
    return r != 0 ? r : run_linker(link);
}

int
wfp_cc_windows_link(struct wfp_cc *cc)
{
    struct link link = {.cc = cc};
    int r = link_all(&link);
    wfp_cc_symbols_fini(&link.symbols);
    wfp_cc_util_clear(&link.objects);
    wfp_cc_util_clear(&link.libraries);
    for (size_t i = 0; i < link.module_count; i++)
        wfp_cc_util_free_text(&link.modules[i].def);
    return r;
}
