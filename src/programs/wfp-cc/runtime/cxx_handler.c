/*
 * The language handler of C++ functions. Drivers have no C++ exceptions; a structured exception passes
 * through without running destructors, as in a build by cl without /EHa.
 */
int __CxxFrameHandler3(void *record, void *frame, void *context, void *dispatcher);

int
__CxxFrameHandler3(void *record, void *frame, void *context, void *dispatcher)
{
    enum { CONTINUE_SEARCH = 1 };
    return CONTINUE_SEARCH;
}
