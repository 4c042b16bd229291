/* __try in one function, a goto past definitions in another: clang 19 itself falls over the two in one source. */
#include <ntddk.h>
#include "dialect.h"

int CaughtOf(int n)
{
    __try {
        if (n > 3) {
            ExRaiseStatus(STATUS_INVALID_PARAMETER);
        }
    } __except (GetExceptionCode() == STATUS_INVALID_PARAMETER ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        return -1;
    }
    return n;
}

int LeftByFinally(int n)
{
    bool isDone = false;

    __try {
        if (n < 0) {
            isDone = true;
            __leave;
        }
        // return n;
        n++; /* no return */
    } __finally {
        if (isDone) { return -n; } // leaves the function
    }
    return n;
}

bool TextOfGuid(const GUID &guid, UNICODE_STRING *text)
{
    auto status = RtlStringFromGUID(guid, text);
    if (!NT_SUCCESS(status)) {
        goto failed;
    }
    auto length = text->Length;
    if (length != 38 * sizeof(WCHAR)) {
        goto failed;
    }
    return true;
failed:
    return false;
}

int TextLengthOfNoGuid(void)
{
    GUID guid = {};
    UNICODE_STRING text = {};
    int length = TextOfGuid(guid, &text) ? text.Length : 0;
    RtlFreeUnicodeString(&text);
    return length;
}
