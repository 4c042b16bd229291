/* Pack following structures to 16; <poppack.h> ends it. */
#pragma pack(push, 16)
