"""Every command of the table is done by exactly one function, which the program that it names knows."""
import os
import re
import unittest
from pathlib import Path

ROOT = Path(os.environ["BALR_SOURCE_DIR"])
APP = ROOT / "src" / "app"
FOLDER = {"kFront": "front", "kFiles": "files", "kCompute": "compute", "kRanks": "compute"}


def only(pattern, text, what):
    found = re.findall(pattern, text)
    assert len(found) == 1, f"{what}: {found}"
    return found[0]


class Commands(unittest.TestCase):
    def test_each_is_run_by_its_program(self):
        table = (APP / "command_table.cpp").read_text()
        classes = re.findall(r"^\s*entry<(\w+)>\(\),", table, re.M)
        self.assertGreater(len(classes), 5)
        self.assertEqual(len(classes), len(set(classes)))
        sources = {only(r"CommandInfo (\w+)::info\(\)", p.read_text(), p): p for p in (APP / "commands").glob("*.cpp")
                   if "::info()" in p.read_text()}
        for name in classes:
            text = sources[name].read_text()
            program = only(r"\.program = Program::(\w+)", text, name)
            runs = [(folder, only(r"ExitCode (\w+)\(const %s& " % name, header.read_text(), header))
                    for folder in sorted(set(FOLDER.values())) if re.search(r"const %s& " % name, (
                        header := APP / folder / "runs.hpp").read_text())]
            if ".planned = true" in text:
                self.assertEqual(runs, [], name)
                continue
            self.assertEqual([folder for folder, _ in runs], [FOLDER[program]], name)
            folder, function = runs[0]
            self.assertEqual((APP / folder / "main.cpp").read_text().count(f"runner({function})"), 1, name)
            collective = "World& world" in only(r"ExitCode %s\(([^)]*)\)" % function,
                                                (APP / folder / "runs.hpp").read_text(), function)
            self.assertEqual(collective, program == "kRanks", name)
            self.assertTrue((APP / folder / f"{function}.cpp").exists() or folder == "files", name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
