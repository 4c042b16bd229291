#!/usr/bin/env python3
"""The kernel, framework and C library headers, as a driver's compiler sees them.

usage: nt_modes_test.py SOURCE_ROOT HOST_CC

Each header must compile alone: on the host, for native drivers and for Windows, in C and in C++.
Then all layouts, values and names (nt_layout.h), the annotations, and a sample driver
(nt_driver.c) in both driver modes. Without a clang that knows the Windows targets only the host part
runs, and the test counts as skipped.
"""
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys

# Headers of other tests, fragments of others, and those that only open or close a packing.
OTHERS = re.compile(r'fwp|ndis|ike|ipsec|net(ioapi|ioddk|pnp)|if(def|types)|ipif|ipmib|iprt|windot11|rpc|'
                    r'.*_generated|ntddndis|pshpack|poppack|.*user|winsock|tcpmib|udpmib|natd|um')


def find_clang():
    for name in ('clang-19', 'clang-16', 'clang-14', 'clang'):
        path = shutil.which(name)
        if path and 'x86-64' in subprocess.run([path, '-print-targets'], capture_output=True,
                                               text=True, check=False).stdout:
            return path
    return None


def run(job):
    name, command, text = job
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return name, done.returncode == 0 and not done.stderr, done.stderr


def main():
    root, host_cc = pathlib.Path(sys.argv[1]), sys.argv[2].split()
    wdk, abi = root / 'include/wdk', root / 'tests/abi'
    include = [f'-I{wdk / part}' for part in ('km', 'um', 'shared')] + [f'-I{abi}']
    common = ['-Wall', '-Wextra', '-Wno-unused-parameter'] + include
    modes = {'host': host_cc + ['-std=gnu17', '-D_GNU_SOURCE', '-Wshadow', '-Wundef',
                                '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wpointer-arith'] + common}
    clang = find_clang()
    if clang:
        driver = [clang, '-fms-extensions', '-nostdlibinc', f'-I{wdk / "crt"}',
                  '-Wno-pragma-pack', '-Wno-microsoft'] + common
        native = driver + ['--target=x86_64-pc-windows-msvc-elf']
        windows = driver + ['--target=x86_64-pc-windows-msvc']
        modes |= {'native': native, 'Windows': windows, 'native, debug': native + ['-DDBG=1', '-DUNICODE']}
    jobs = []
    for part in ('km', 'shared', 'crt'):
        for header in sorted((wdk / part).glob('*.h')):
            if OTHERS.match(header.stem):
                continue
            text = f'#include <{header.name}>\nint used;\n'
            for mode, command in modes.items():
                if 'debug' not in mode and (part != 'crt' or mode != 'host'):
                    jobs.append((f'{header.name}, {mode}', command + ['-fsyntax-only', '-x', 'c', '-'], text))
            if clang and part != 'crt':
                jobs.append((f'{header.name}, native C++',
                             native + ['-fsyntax-only', '-x', 'c++', '-std=c++17', '-'], text))
    for mode, command in modes.items():
        jobs.append((f'layouts, {mode}', command + ['-fsyntax-only', '-x', 'c', '-'], '#include "nt_layout.h"\n'))
        if mode == 'host':
            continue
        jobs.append((f'annotations, {mode}', command + ['-fsyntax-only', str(abi / 'nt_annotations.c')], ''))
        for level in ('-O0', '-O2'):
            for pool in ([], ['-DPOOL_NX_OPTIN=1']):
                jobs.append((f'nt_driver.c {level}, {mode}',
                             command + [level, '-c', '-o', '/dev/null', *pool, str(abi / 'nt_driver.c')], ''))
    if clang:
        jobs.append(('layouts, native C++', native + ['-fsyntax-only', '-x', 'c++', '-std=c++17', '-'],
                     '#include "nt_layout.h"\n'))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, ok, errors in pool.map(run, jobs):
            if not ok:
                failed += 1
                print(f'not ok: {name}')
                print('\n'.join(errors.splitlines()[:6]))
    print(f'{len(jobs) - failed} compiled, {failed} failed')
    if failed:
        return 1
    if not clang:
        print('skipped: driver modes need a clang with the x86_64 target')
        return 77
    return 0


if __name__ == '__main__':
    sys.exit(main())
