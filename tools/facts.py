"""The fact tables, and what the generators that read them share.

The tables are a directory of CSV files (names, numbers, layouts) that is not part of the project;
what is made from them is committed.
"""
import csv
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent

# SDK levels in order; the last is what newer systems report than the newest SDK in the tables.
SDK_LEVELS = ['6.1', '6.2', '6.3', '10.0.10240', '10.0.16299', '10.0.20348', '10.0.22621']
NEWEST = 'newer than 10.0.22621'
LEVEL_TOKEN = dict(zip(SDK_LEVELS + [NEWEST],
                       ['WIN7', 'WIN8', 'WIN81', 'WIN10', 'RS3', 'FE', 'NI', 'NEWEST']))
LEVELS = SDK_LEVELS + [NEWEST]


class Facts:
    """The fact tables, read once each, as lists of dicts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cache = {}

    def __getitem__(self, name):
        if name not in self.cache:
            with open(self.folder / f'{name}.csv', newline='', encoding='utf-8') as f:
                self.cache[name] = list(csv.DictReader(f))
        return self.cache[name]


def strip(name, prefix):
    return name[len(prefix):] if name.startswith(prefix) else name


def guid_args(text):
    """'c86fd1bf-21cd-...' -> the eleven numbers of a GUID initializer."""
    h = text.strip('{}').replace('-', '')
    tail = ', '.join(f'0x{h[i:i + 2]}' for i in range(16, 32, 2))
    return f'0x{h[:8]}, 0x{h[8:12]}, 0x{h[12:16]}, {tail}'


def field_level(row):
    level = row['first_sdk_with_this_field']
    if level:
        return level
    return NEWEST if row['fwps_field'] == '' and 'RPC' in row['fwps_layer'] else SDK_LEVELS[5]


def write(path, comment, lines):
    head = ['/*'] + [f' * {c}'.rstrip() for c in comment.strip().split('\n')] + [' */']
    out = TOP / path
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text('\n'.join(head + lines) + '\n', encoding='utf-8')
    print(f'{path}: {len(lines)} lines')
