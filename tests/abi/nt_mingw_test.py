#!/usr/bin/env python3
"""Our layouts, status values and constants against mingw-w64's user-mode headers.

usage: nt_mingw_test.py SOURCE_ROOT

The tables that prove our headers are asserted while compiling mingw-w64's. Types that mingw-w64 does
not have are counted, not failed. Skipped without x86_64-w64-mingw32-gcc.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MINGW = 'x86_64-w64-mingw32-gcc'
HEAD = '''#define _WIN32_WINNT 0x0A00
#define WIN32_NO_STATUS
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mstcpip.h>
#include <windows.h>
#include <winternl.h>
#include <winioctl.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#define STRUCT(type, size, alignment) _Static_assert(sizeof(type) == (size), "size of " #type);
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type);
#define OFFSET(type, member, offset) _Static_assert(__builtin_offsetof(type, member) == (offset), "offset of " #type "." #member);
#define FIELD OFFSET4
#define OFFSET4(type, member, offset, size) OFFSET(type, member, offset)
#define VALUE(name, bits, tier) _Static_assert((bits) > 0xFFFFFFFFULL ? (ULONG64)(name) == (bits) : (UINT32)(name) == (UINT32)(bits), "value of " #name);
#define STATUS(name, bits) _Static_assert((UINT32)(name) == (bits), "value of " #name);
'''

# Where mingw-w64's copy is older.
KNOWN = {'IMAGE_LOAD_CONFIG_DIRECTORY64'}


def statuses(wdk):
    text = (wdk / 'shared/ntstatus.h').read_text()
    return [f'STATUS({n}, {v}u)' for n, v in
            re.findall(r'^#define ((?:STATUS|RPC_NT)_\w+)\s+\(\(NTSTATUS\)(0x[0-9A-F]{8})L\)', text, re.M)]


def words(source):
    """Every identifier that mingw-w64's headers mention: its compiler is slow about unknown ones."""
    source.write_text(HEAD)
    done = subprocess.run([MINGW, '-E', '-dD', source], check=False, capture_output=True, text=True)
    return set(re.findall(r'\w+', done.stdout)) if done.returncode == 0 else None


def ask(source, lines):
    """Indexes of the lines that mingw-w64 does not understand, and what differs."""
    source.write_text(HEAD + '\n'.join(lines) + '\n')
    errors = subprocess.run([MINGW, '-fsyntax-only', '-fmax-errors=0', '-fno-diagnostics-show-caret', source],
                            check=False, capture_output=True, text=True).stderr
    first = HEAD.count('\n') + 1
    numbers = {int(n) - first for n in re.findall(r'theirs\.c:(\d+):\d+: error: (?!static)', errors)}
    return ({n for n in numbers if 0 <= n < len(lines)},
            set(re.findall(r'error: static assertion failed: "(\w+ of [\w.]+)"', errors)))


def main():
    if not shutil.which(MINGW):
        print(f'skipped: no {MINGW}')
        return 77
    root = pathlib.Path(sys.argv[1])
    lines = []
    for name in ('nt_structs.def', 'nt_values.def'):
        lines += [x for x in (root / 'tests/abi' / name).read_text().splitlines()
                  if re.match(r'(STRUCT|SIZE|FIELD|OFFSET|VALUE)\(', x) and not x.startswith(' *')]
    # Explanations of the tables look like rows; real ones have numbers.
    lines = [x for x in lines if re.search(r', (0x[0-9a-f]+(ULL)?|\d+)', x)]
    lines += statuses(root / 'include/wdk')
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / 'theirs.c'
        known = words(source)
        if known is None:
            print('skipped: this mingw-w64 lacks a header')
            return 77
        asked = [x for x in lines if re.split(r'[(,]', x)[1] in known]
        unknown, differ = ask(source, asked)
    differ = {d for d in differ if d.split()[-1].split('.')[0] not in KNOWN}
    compared = len(asked) - len(unknown)
    for line in sorted(differ):
        print(f'not ok: {line}')
    print(f'{compared} facts compared, {len(lines) - compared} unknown to mingw-w64, {len(differ)} different')
    return 1 if differ or compared < 800 else 0


if __name__ == '__main__':
    sys.exit(main())
