"""pitfalls.txt: each of the twenty has a test, and the tests it names are there."""
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def main():
    faults, numbers = [], set()
    for line in (SOURCE / "tests/spec/pitfalls.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        number, what, path, text = (part.strip() for part in line.split("|"))
        numbers.add(int(number))
        file = SOURCE / path
        if not file.exists():
            faults.append(f"{number} ({what}): there is no {path}")
        elif text not in file.read_text():
            faults.append(f"{number} ({what}): {path} has no '{text}'")
    faults += [f"{number}: no test is named" for number in range(1, 21) if number not in numbers]
    print("\n".join(faults) or f"{len(numbers)} pitfalls, each with its tests")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
