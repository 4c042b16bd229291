/* Pack following structures to 1; <poppack.h> ends it. */
#pragma pack(push, 1)
