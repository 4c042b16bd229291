/* Pack following structures to 8; <poppack.h> ends it. */
#pragma pack(push, 8)
