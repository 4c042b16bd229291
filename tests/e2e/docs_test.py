"""Everything a reader can type is run: each ```sh block of the pages, line by line."""
import re
import subprocess
import unittest

from harness import BUILD, SANITIZED, SOURCE, main

PAGES = ["README.md", "docs/tutorial.md", "docs/samples.md", "docs/testing.md"]


def commands(page):
    text = (SOURCE / page).read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        yield from (line.strip() for line in block.splitlines() if line.strip())


class Pages(unittest.TestCase):
    def test_every_command_works(self):
        for page in PAGES:
            for command in commands(page):
                if SANITIZED and ".sys" in command:
                    continue  # a .sys needs the GS base, which the sanitizer's runtime does not expect
                with self.subTest(page=page, command=command):
                    here = re.sub(r"\bbuild/", f"{BUILD}/", command)
                    if SANITIZED and "LD_LIBRARY_PATH" in here:  # a program of the reader's, without the sanitizer
                        here = f"LD_PRELOAD=$(cc -print-file-name=libasan.so) {here}"
                    run = subprocess.run(["sh", "-c", here], cwd=SOURCE, capture_output=True, text=True, timeout=180)
                    self.assertEqual(run.returncode, 0, run.stderr[-2000:])

    def test_pages_have_commands(self):
        for page in PAGES:
            self.assertGreater(len(list(commands(page))), 2, page)


if __name__ == "__main__":
    main()
