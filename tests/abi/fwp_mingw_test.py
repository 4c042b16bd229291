#!/usr/bin/env python3
"""Our WFP and IPsec types against mingw-w64's, structure by structure and value by value.

usage: fwp_mingw_test.py SOURCE_ROOT HOST_CC

Our headers say what each structure measures; the same numbers are then asserted while compiling
mingw-w64's headers. Types that mingw-w64 does not have are counted, not failed. Skipped without
x86_64-w64-mingw32-gcc.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MINGW = 'x86_64-w64-mingw32-gcc'
HEADERS = ['fwptypes.h', 'fwptypes_generated.h', 'iketypes.h', 'ipsectypes.h', 'fwpmtypes.h',
           'fwpmtypes_generated.h']

# Where mingw-w64's copy is older or plainly different; each was looked at. See the fact tables'
# "mingw-differs" and the public documentation of the type.
KNOWN = {
    # ends of enumerations that have grown since
    'FWPM_ENGINE_OPTION_MAX', 'FWPM_NET_EVENT_TYPE_MAX', 'FWPM_PROVIDER_CONTEXT_TYPE_MAX',
    'FWP_MATCH_TYPE_MAX', 'IKEEXT_CIPHER_TYPE_MAX', 'IPSEC_PFS_MAX',
    # has a virtual interface tunnel at its end, documented since Windows 7
    'IPSEC_SA_DETAILS1',
}


def members(body):
    """Names of a structure's members, also those of anonymous structures and unions in it."""
    body = re.sub(r'/\*.*?\*/', '', body, flags=re.S)
    body = re.sub(r'(?:struct|union) \{[^{}]*\} (\w+);', r'X \1;', body)
    return re.findall(r'(\w+)(?:\[[^\]]*\])?;', body)


def read_types(wdk):
    structs, values = {}, []
    for header in HEADERS:
        text = (wdk / 'shared' / header).read_text()
        for body, name in re.findall(r'^typedef struct \w+ \{\n(.*?)^\} (\w+);', text, re.M | re.S):
            structs[name] = members(body)
        for body in re.findall(r'^typedef enum \w+ \{\n(.*?)^\} \w+;', text, re.M | re.S):
            values += re.findall(r'^\s+(\w+)', body, re.M)
    return structs, values


def measure(host_cc, wdk, structs, values, folder):
    """Let our headers print the assertions."""
    lines = ['#include <stddef.h>', '#include <stdio.h>', '#include <fwpmtypes.h>',
             'int main(void)', '{']
    for name, names in structs.items():
        lines.append(f'printf("SIZE({name}, %zu)\\n", sizeof({name}));')
        for member in names:
            lines.append(f'printf("OFFSET({name}, {member}, %zu)\\n", offsetof({name}, {member}));')
    lines += [f'printf("VALUE({v}, %d)\\n", (int){v});' for v in values] + ['}']
    source, program = folder / 'ours.c', folder / 'ours'
    source.write_text('\n'.join(lines))
    subprocess.run(host_cc + ['-std=gnu17', '-w', f'-I{wdk / "km"}', f'-I{wdk / "shared"}', '-o',
                              program, source], check=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()


def main():
    if not shutil.which(MINGW):
        print(f'skipped: no {MINGW}')
        return 77
    root, host_cc = pathlib.Path(sys.argv[1]), sys.argv[2].split()
    structs, values = read_types(root / 'include/wdk')
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lines = measure(host_cc, root / 'include/wdk', structs, values, folder)
        head = '''#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0A00
#include <winsock2.h>
#include <windows.h>
#include <fwpmu.h>
#define SIZE(t, n) _Static_assert(sizeof(t) == n, "size of " #t);
#define OFFSET(t, m, n) _Static_assert(__builtin_offsetof(t, m) == n, "offset of " #t "." #m);
#define VALUE(v, n) _Static_assert((int)v == n, "value of " #v);
'''
        source = folder / 'theirs.c'
        source.write_text(head + '\n'.join(lines))
        errors = subprocess.run([MINGW, '-fsyntax-only', '-fmax-errors=0', source], check=False,
                                capture_output=True, text=True).stderr
    if 'No such file' in errors:
        print('skipped: this mingw-w64 has no fwpmu.h')
        return 77
    absent = {lines[int(n) - head.count('\n') - 1] for n in re.findall(
        r'theirs\.c:(\d+):\d+: error: (?!static)', errors)}
    differ = set(re.findall(r'error: static assertion failed: "(\w+ of [\w.]+)"', errors))
    # An offset in a structure that does not exist there fails twice; once is absent.
    differ = {d for d in differ if d.split()[-1] not in KNOWN}
    compared = len(lines) - len(absent)
    for line in sorted(differ):
        print(f'not ok: {line}')
    print(f'{compared} facts compared, {len(absent)} unknown to mingw-w64, {len(differ)} different')
    return 1 if differ or compared < 1000 else 0


if __name__ == '__main__':
    sys.exit(main())
