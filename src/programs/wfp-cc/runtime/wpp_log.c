/*
 * Where WPP trace messages go: the debug log, level by level.
 *
 * WPP formats are printf's with typed fields as %!STATUS!; each becomes the printf directive that
 * reads the same argument. %!FUNC! takes none: it is the function's name.
 */
typedef __builtin_va_list va;

unsigned long vDbgPrintEx(unsigned component, unsigned level, const char *format, va arguments);
void wfp_wpp_log(const char *function, const char *level, const char *format, ...);

enum { IHVDRIVER = 77, ERROR = 0, WARNING = 1, TRACE = 2, INFO = 3 };

static const struct {
    const char *name, *directive;
} fields[] = {
    {"STATUS", "0x%08x"}, {"NTSTATUS", "0x%08x"}, {"status", "0x%08x"},   {"HRESULT", "0x%08x"},
    {"WINERROR", "%u"},   {"winerr", "%u"},       {"bool", "%d"},         {"BOOLEAN", "%d"},
    {"bool8", "%d"},      {"ustr", "%wZ"},        {"USTR", "%wZ"},        {"IPADDR", "%08x"},
    {"irql", "%u"},       {"IRQL", "%u"},         {"TIMESTAMP", "%I64x"}, {"port", "%u"},
    {"PORT", "%u"},       {"ARSTR", "%s"},        {"ARWSTR", "%ws"},      {"XINT", "%x"},
};

static int
equals(const char *name, const char *text, unsigned length)
{
    unsigned i;
    for (i = 0; i < length && name[i]; i++)
        if (name[i] != text[i])
            return 0;
    return i == length && !name[i];
}

static unsigned
put(char *out, unsigned at, unsigned room, const char *text)
{
    for (; *text && at + 1 < room; text++)
        out[at++] = *text;
    return at;
}

/* Translate one %!NAME! field. */
static unsigned
put_field(char *out, unsigned at, unsigned room, const char *name, unsigned length,
          const char *function)
{
    if (equals("FUNC", name, length)) {
        for (; *function && at + 2 < room; function++) {
            if (*function == '%')
                out[at++] = '%';
            out[at++] = *function;
        }
        return at;
    }
    if (equals("FILE", name, length) || equals("LINE", name, length) ||
        equals("LEVEL", name, length) || equals("FLAGS", name, length))
        return at;
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (equals(fields[i].name, name, length))
            return put(out, at, room, fields[i].directive);
    return put(out, at, room, "%p");
}

static unsigned
level_number(const char *level)
{
    for (const char *p = level; *p; p++) {
        if (p[0] == 'E' && p[1] == 'R' && p[2] == 'R')
            return ERROR;
        if ((p[0] == 'F' && p[1] == 'A' && p[2] == 'T') || (p[0] == 'C' && p[1] == 'R'))
            return ERROR;
        if (p[0] == 'W' && p[1] == 'A' && p[2] == 'R')
            return WARNING;
        if (p[0] == 'V' && p[1] == 'E' && p[2] == 'R')
            return TRACE;
    }
    return INFO;
}

void
wfp_wpp_log(const char *function, const char *level, const char *format, ...)
{
    char plain[512];
    unsigned at = 0;
    va arguments;

    for (const char *p = format; *p && at + 1 < sizeof(plain);) {
        unsigned length = 0;
        if (p[0] == '%' && p[1] == '!') {
            while (p[2 + length] && p[2 + length] != '!')
                length++;
            at = put_field(plain, at, sizeof(plain), p + 2, length, function);
            p += 2 + length + (p[2 + length] == '!');
        } else {
            plain[at++] = *p++;
        }
    }
    if (at == 0 || plain[at - 1] != '\n')
        at = put(plain, at, sizeof(plain), "\n");
    plain[at] = '\0';
    __builtin_va_start(arguments, format);
    vDbgPrintEx(IHVDRIVER, level_number(level), plain, arguments);
    __builtin_va_end(arguments);
}
