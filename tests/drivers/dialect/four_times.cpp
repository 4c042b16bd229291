/* Calls the inline function that the other source defines. */
#include <ntddk.h>
#include "dialect.h"

int Twice(int n);

int FourTimesViaInline(int n)
{
    return Twice(Twice(n));
}
