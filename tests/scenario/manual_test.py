"""The manual page and the completion say what the command line takes: both are made from its table."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from support.daemon import BINARY


def penstock(*arguments):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=60, check=True).stdout


def commands(path=()):
    """Every command, as words, from what --help says."""
    found = []
    help_text = penstock(*path, "--help")
    listed = help_text.partition("Subcommands:\n")[2]
    for name in re.findall(r"^  (\w+) ", listed, re.M):
        found += [(*path, name), *commands((*path, name))]
    return found


class Manual(unittest.TestCase):
    def test_it_names_every_command_and_option(self):
        page = penstock("--man-page").replace("\\-", "-")
        known = commands()
        self.assertIn(("journal", "repair"), known)
        for path in known:
            self.assertIn(f".SS penstock {' '.join(path)}\n", page)
            for option in re.findall(r"--[a-z-]+", penstock(*path, "--help")):
                if option != "--help":
                    self.assertIn(option, page, path)

    @unittest.skipUnless(shutil.which("man"), "man is not installed")
    def test_man_reads_it_without_a_warning(self):
        with tempfile.NamedTemporaryFile("w", suffix=".1") as page:
            page.write(penstock("--man-page"))
            page.flush()
            done = subprocess.run(["man", "--warnings=w", "-l", page.name], capture_output=True, text=True, check=True,
                                  env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
        self.assertEqual(done.stderr, "")
        self.assertIn("EXIT STATUS", done.stdout)


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = penstock("--bash-completion") + (
            f"COMP_WORDS=({' '.join(repr(word) for word in ('penstock', *words))}); COMP_CWORD={len(words)}\n"
            '_penstock; printf "%s\\n" "${COMPREPLY[@]}"\n')
        done = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True, check=True, cwd="/")
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands_options_and_files(self):
        self.assertEqual(self.complete("jou"), ["journal"])
        self.assertEqual(self.complete("journal", "d"), ["dump"])
        self.assertIn("--config", self.complete("doctor", "--"))
        self.assertEqual(self.complete("journal", "repair", "--acc"), ["--accept-loss"])
        self.assertEqual(self.complete("run", "--config", "et"), ["etc"])
        self.assertEqual(sorted(self.complete("config", "")), ["--help", "explain", "init", "schema"])

    def test_every_command_is_offered(self):
        for path in commands():
            self.assertIn(path[-1], self.complete(*path[:-1], path[-1][:1]))


if __name__ == "__main__":
    unittest.main()
