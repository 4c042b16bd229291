/*
 * The security descriptors of wdmsec.lib, as SDDL text.
 *
 * Ref: ddi wdmsec/nf-wdmsec-wdmlibiocreatedevicesecure
 */
struct unicode_string {
    unsigned short length, maximum;
    const void *buffer;
};

#define SDDL(name, text)                                                                           \
    extern const struct unicode_string name;                                                       \
    const struct unicode_string name = {sizeof(L##text) - 2, sizeof(L##text), L##text}

SDDL(SDDL_DEVOBJ_KERNEL_ONLY, "D:P");
SDDL(SDDL_DEVOBJ_SYS_ALL, "D:P(A;;GA;;;SY)");
SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_ALL, "D:P(A;;GA;;;SY)(A;;GA;;;BA)");
SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RX, "D:P(A;;GA;;;SY)(A;;GRGX;;;BA)");
SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R, "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)");
SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R_RES_R,
     "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)(A;;GR;;;RC)");
SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RW_RES_R,
     "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGW;;;WD)(A;;GR;;;RC)");
SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RWX_RES_RWX,
     "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGWGX;;;WD)(A;;GRGWGX;;;RC)");
