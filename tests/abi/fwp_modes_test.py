#!/usr/bin/env python3
"""The WFP and NDIS headers, as a driver's compiler sees them.

usage: fwp_modes_test.py SOURCE_ROOT HOST_CC

Each header must compile alone: on the host, for native drivers and for Windows, in C and in C++.
Then all layouts, values and names (fwp_layout.h) are checked in the two driver modes. Without a
clang that knows the Windows targets only the host part runs, and the test counts as skipped.
"""
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys

HEADERS = '''
fwptypes.h fwpmtypes.h fwpstypes.h fwpvi.h fwps_layers_generated.h iketypes.h ipsectypes.h
fwpmk.h fwpsk.h fwpmu.h fwpsu.h ndis.h ntddndis.h netpnp.h netioddk.h netioapi.h ifdef.h
ipifcons.h windot11.h rpcdce.h intsafe.h ip2string.h ndis/types.h ndis/version.h ndis/status.h
ndis/objectheader.h ndis/ndisport.h ndis/oidtypes.h ndis/oidrequest.h ndis/nbl.h ndis/nblinfo.h
ndis/nblaccessors.h ndis/nblapi.h ndis/nblchecksum.h ndis/nbl8021q.h ndis/nbllso.h ndis/nblrsc.h
ndis/nblhash.h ndis/nblsend.h ndis/nblreceive.h ndis/mdlapi.h
'''.split()

LEVELS = ['0x06000000', '0x06010000', '0x06020000', '0x0A000000', '0x0A00000C', '0x0A000010']


def find_clang():
    for name in ('clang-19', 'clang-16', 'clang-14', 'clang'):
        path = shutil.which(name)
        if path and 'x86-64' in subprocess.run([path, '-print-targets'], capture_output=True,
                                               text=True, check=False).stdout:
            return path
    return None


def compile_text(command, text):
    run = subprocess.run(command + ['-'], input=text, capture_output=True, text=True, check=False)
    return run.returncode == 0 and not run.stderr, run.stderr


def main():
    root, host_cc = pathlib.Path(sys.argv[1]), sys.argv[2].split()
    wdk = root / 'include/wdk'
    include = [f'-I{wdk / part}' for part in ('km', 'um', 'shared')] + [f'-I{root / "tests/abi"}']
    common = ['-fsyntax-only', '-Wall', '-Wextra', '-Wno-unused-parameter'] + include
    modes = {'host': host_cc + ['-x', 'c', '-std=gnu17', '-D_GNU_SOURCE'] + common}
    clang = find_clang()
    if clang:
        driver = [clang, '-fms-extensions', '-nostdlibinc', f'-I{wdk / "crt"}',
                  '-Wno-pragma-pack', '-Wno-microsoft'] + common
        native = driver + ['--target=x86_64-pc-windows-msvc-elf']
        windows = driver + ['--target=x86_64-pc-windows-msvc']
        modes |= {'native C': native + ['-x', 'c'], 'Windows C': windows + ['-x', 'c'],
                  'native C++': native + ['-x', 'c++', '-std=c++17']}
    jobs = [(f'{header}, {mode}', command, f'#include <{header}>\n')
            for header in HEADERS if (wdk / 'km' / header).exists()
            or (wdk / 'shared' / header).exists() or (wdk / 'um' / header).exists()
            for mode, command in modes.items()]
    jobs += [(f'layouts, {mode}, NTDDI_VERSION {level}', command + [f'-DNTDDI_VERSION={level}'],
              '#include "fwp_layout.h"\n')
             for mode, command in modes.items() if mode != 'host' for level in LEVELS]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda job: compile_text(job[1], job[2]), jobs)
        for (name, *_), (ok, errors) in zip(jobs, results):
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
