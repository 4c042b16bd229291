/* The Windows that the runtime plays: what RtlGetVersion and the shared user data page say. */
#ifndef WFP_NT_VERSION_H
#define WFP_NT_VERSION_H

#define NT_VERSION_MAJOR 10
#define NT_VERSION_MINOR 0
#define NT_VERSION_BUILD 22621 /* NTDDI_WIN10_NI */

#endif
