/* The version of Windows this kit stands for; drivers' resource scripts and version checks read it. */
#ifndef _NTVERP_H_
#define _NTVERP_H_

#define VER_PRODUCTBUILD        22621
#define VER_PRODUCTBUILD_QFE    1
#define VER_PRODUCTMAJORVERSION 10
#define VER_PRODUCTMINORVERSION 0
#define VER_PRODUCTVERSION_W    0x0A00
#define VER_PRODUCTVERSION      10, 0, 22621, 1
#define VER_PRODUCTVERSION_STR  "10.0.22621.1"
#define VER_COMPANYNAME_STR     "OpenWFP"
#define VER_PRODUCTNAME_STR     "OpenWFP"
#define VER_LEGALTRADEMARKS_STR ""
#define VER_FILEFLAGSMASK       0x3f
#define VER_FILEFLAGS           0
#define VER_FILEOS              0x40004

#endif
