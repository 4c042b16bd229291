/* Every annotation that real drivers use must leave nothing behind. */
#include <wdm.h>
#include <driverspecs.h>

/* 0 with the annotation, with arguments and without, is still 0. */
#define TEXT_OF_(...) #__VA_ARGS__
#define TEXT_OF(...)  TEXT_OF_(__VA_ARGS__)
#define ANNOTATION(name)                                                                           \
    _Static_assert(sizeof(TEXT_OF(name)) == 1 || sizeof(TEXT_OF(name(1, 2))) == 1, #name);
#include "nt_annotations.def"
