/* Pack following structures to 2; <poppack.h> ends it. */
#pragma pack(push, 2)
