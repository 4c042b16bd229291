/* A framework driver: reaches one function through the table that WdfVersionBind supplies. */
typedef long NTSTATUS;
typedef NTSTATUS function(void *globals, long argument);

extern function **WdfFunctions;
extern void *WdfDriverGlobals;

static void
unload(void *driver)
{
    WdfFunctions[117](WdfDriverGlobals, 2);
}

NTSTATUS
DriverEntry(void *driver, void *registry_path)
{
    *(void **)((char *)driver + 104) = (void *)unload;
    return WdfFunctions[116](WdfDriverGlobals, 1);
}
