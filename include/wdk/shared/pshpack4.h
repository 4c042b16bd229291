/* Pack following structures to 4; <poppack.h> ends it. */
#pragma pack(push, 4)
