#include <NTddk.h> /* a byte order mark before the first line, as Visual Studio writes it */
/* Defines an inline function, and calls it: cl keeps a copy for the other source. */
#include "dialect.h"

inline int Twice(int n)
{
    return 2 * n;
}

int TwiceViaInline(int n)
{
    return Twice(n);
}
