/*
 * The entry point of a framework driver: bind to the framework, then call the driver's DriverEntry.
 *
 * On Windows the framework's static library brings this code; the loader starts here. It hands over
 * WDF_BIND_INFO, receives the function table and the driver's globals, and unbinds after the
 * driver's own unload routine. Self-contained: no Windows header is needed.
 */
typedef unsigned short wide;

struct unicode_string {
    unsigned short length, maximum;
    wide *buffer;
};

struct bind_info { /* WDF_BIND_INFO, 48 bytes */
    unsigned size;
    const wide *component;
    struct {
        unsigned major, minor, build;
    } version;
    unsigned function_count;
    const void **function_table;
    void *module;
};

struct globals { /* WDF_DRIVER_GLOBALS, 56 bytes */
    void *driver;
    unsigned flags, tag;
    char name[32];
    unsigned char displace_unload;
};

struct driver_object { /* DRIVER_OBJECT up to DriverUnload */
    unsigned char before[104];
    void (*unload)(struct driver_object *driver);
};

_Static_assert(sizeof(struct bind_info) == 48, "WDF_BIND_INFO");
_Static_assert(__builtin_offsetof(struct globals, displace_unload) == 48, "WDF_DRIVER_GLOBALS");
_Static_assert(__builtin_offsetof(struct driver_object, unload) == 104, "DRIVER_OBJECT");

long DriverEntry(struct driver_object *driver, struct unicode_string *registry_path);
long WdfVersionBind(struct driver_object *driver, struct unicode_string *registry_path,
                    struct bind_info *info, struct globals **globals);
long WdfVersionUnbind(struct unicode_string *registry_path, struct bind_info *info,
                      struct globals *globals);
long FxDriverEntry(struct driver_object *driver, struct unicode_string *registry_path);

#ifndef WDF_FUNCTIONS
#define WDF_FUNCTIONS WdfFunctions
#endif
const void *WDF_FUNCTIONS;
struct globals *WdfDriverGlobals;

/* Table entries that a version of the framework has; an image may use no more than it asks for. */
#define FUNCTION_COUNT                                                                             \
    (KMDF_MINOR >= 31   ? 458                                                                      \
     : KMDF_MINOR >= 25 ? 453                                                                      \
     : KMDF_MINOR >= 23 ? 451                                                                      \
     : KMDF_MINOR >= 21 ? 448                                                                      \
     : KMDF_MINOR >= 19 ? 446                                                                      \
                        : 444 /* 1.15: before it the table was an array in the image */)

static struct bind_info bind_info = {
    .size = sizeof(struct bind_info),
    .component = (const wide *)L"KmdfLibrary",
    .version = {1, KMDF_MINOR, 0},
    .function_count = FUNCTION_COUNT,
    .function_table = &WDF_FUNCTIONS,
};

/* The path must outlive DriverEntry: unbinding names it again. */
static wide path_buffer[260];
static struct unicode_string path = {0, sizeof(path_buffer), path_buffer};
static void (*displaced_unload)(struct driver_object *driver);

static void
unload(struct driver_object *driver)
{
    if (displaced_unload)
        displaced_unload(driver);
    WdfVersionUnbind(&path, &bind_info, WdfDriverGlobals);
}

static void
keep_path(const struct unicode_string *registry_path)
{
    unsigned length = registry_path->length;
    if (length > sizeof(path_buffer) - sizeof(wide))
        length = sizeof(path_buffer) - sizeof(wide);
    for (unsigned i = 0; i < length / sizeof(wide); i++)
        path_buffer[i] = registry_path->buffer[i];
    path.length = (unsigned short)length;
}

long
FxDriverEntry(struct driver_object *driver, struct unicode_string *registry_path)
{
    if (!driver)
        return DriverEntry(driver, registry_path);
    keep_path(registry_path);
    long status = WdfVersionBind(driver, registry_path, &bind_info, &WdfDriverGlobals);
    if (status < 0)
        return status;
    status = DriverEntry(driver, registry_path);
    if (status < 0) {
        WdfVersionUnbind(&path, &bind_info, WdfDriverGlobals);
        return status;
    }
    if (WdfDriverGlobals->displace_unload) {
        displaced_unload = driver->unload;
        driver->unload = unload;
    }
    return status;
}
