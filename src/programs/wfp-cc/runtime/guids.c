/*
 * The GUIDs of fwpuclnt.lib and uuid.lib: for drivers that never define INITGUID.
 *
 * Each is a section of its own; the linker drops what is not used.
 */
#define INITGUID
#include <guiddef.h>

#include <fwp_guids_generated.h>
#if __has_include(<devguid.h>)
#include <devguid.h>
#endif
#if __has_include(<wdmguid.h>)
#include <wdmguid.h>
#endif
#if __has_include(<ndisguid.h>)
#include <ndisguid.h>
#endif
