#pragma once
#pragma warning(disable : 4201 4100)
#include <ntddk.h>
#include <wdf.h>
#include <ntstrsafe.h>
#pragma comment(lib, "fwpkclnt.lib")
#define INITGUID
#include <guiddef.h>
#include <fwpsk.h>
#include <fwpmk.h>
