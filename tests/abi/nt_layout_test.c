/*
 * The host's view of the NT, KMDF and address headers: all of it is checked while compiling.
 */
#include "nt_layout.h"

int
main(void)
{
    return 0;
}
