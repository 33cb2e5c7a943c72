"""Every picture is well-formed XML that needs nothing from outside, for few trials, many, and infinite ones."""
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np

TOOL = os.path.join(os.environ["BALR_BUILD_DIR"], "tests/evaluation/evaluation_tool")
SVG = "{http://www.w3.org/2000/svg}"


def plots(targets, others, title="set"):
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(f"1 {float(s)!r}\n" for s in targets) + "".join(f"0 {float(s)!r}\n" for s in others)
        subprocess.run([TOOL, "plots", folder, title], input=text.encode(), check=True)
        return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


class Plots(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(0)
        self.sets = {
            "few": (random.normal(3, 2.4, 9), random.normal(-3, 2.4, 25)),
            "many": (random.normal(3, 2.4, 5000), random.normal(-3, 2.4, 20000)),
            "infinite": (np.append(random.normal(3, 2.4, 60), [np.inf] * 9 + [-np.inf] * 2), np.append(random.normal(-3, 2.4, 99), [-np.inf] * 40)),
            "separate": (random.normal(9, 1, 40), random.normal(-9, 1, 300)),
            "one": ([0.0], [0.0]),
        }

    def test_well_formed_and_on_their_own(self):
        title = 'a < b & "c" \' > \u00e9'
        for name, (targets, others) in self.sets.items():
            files = plots(targets, others, title)
            self.assertEqual(list(files), ["det.svg", "ece.svg", "histogram.svg", "reliability.svg", "tippett.svg"])
            for file, content in files.items():
                root = xml.fromstring(content)
                self.assertEqual(root.tag, SVG + "svg")
                self.assertIn(title, [t.text for t in root.iter(SVG + "text")], (name, file))
                self.assertEqual({e.tag for e in root.iter()} - {SVG + t for t in ("svg", "line", "rect", "circle", "path", "text")}, set())
                for element in root.iter():
                    for key, value in element.attrib.items():
                        self.assertNotIn("href", key)
                        self.assertNotIn("url(", value)

    def test_everything_lies_inside_the_picture(self):
        for name, (targets, others) in self.sets.items():
            for file, content in plots(targets, others).items():
                for element in xml.fromstring(content).iter():
                    for key, most in (("x", 760), ("y", 600), ("x1", 760), ("y1", 600), ("x2", 760), ("y2", 600), ("cx", 760), ("cy", 600)):
                        if key in element.attrib:
                            self.assertTrue(0 <= float(element.attrib[key]) <= most, (name, file, element.attrib))
                    numbers = element.attrib.get("d", "").translate(str.maketrans("MLHV", "    ")).split()
                    self.assertTrue(all(0 <= float(n) <= 760 for n in numbers), (name, file))

    def test_det_curve_falls_inside_its_frame(self):
        """Along each stroke false alarms only fall and misses only rise; strokes begin where another ended."""
        for seed in range(8):
            random = np.random.default_rng(seed)
            targets, others = int(random.integers(1, 900)), int(random.integers(1, 900))
            content = plots(np.round(random.normal(2, 2, targets), seed % 3), np.round(random.normal(-1, 2, others), seed % 3))["det.svg"]
            strokes = []
            for path in xml.fromstring(content).iter(SVG + "path"):
                for stroke in path.attrib["d"].split("M")[1:]:
                    points = [tuple(map(float, p.split())) for p in re.split("L", stroke)]
                    for x, y in points:
                        self.assertTrue(75.9 <= x <= 730.1 and 119.9 <= y <= 530.1, (seed, x, y))
                    for (x1, y1), (x2, y2) in zip(points, points[1:]):
                        self.assertTrue(x2 <= x1 and y2 <= y1 and (x1 == x2 or y1 == y2), (seed, x1, y1, x2, y2))
                    strokes.append((points[0], points[-1]))
            strokes.sort(reverse=True)
            for (_, end), (begin, _) in zip(strokes, strokes[1:]):
                self.assertAlmostEqual(end[0], begin[0], delta=0.5, msg=seed)
                self.assertAlmostEqual(end[1], begin[1], delta=0.5, msg=seed)

    def test_same_bytes_again(self):
        for targets, others in self.sets.values():
            self.assertEqual(plots(targets, others), plots(targets, others))

    def test_infinite_values_are_counted_where_they_stand(self):
        words = [t.text for t in xml.fromstring(plots(*self.sets["infinite"])["tippett.svg"]).iter(SVG + "text")]
        for word in ("9", "2", "40", "\u221e", "\u2212\u221e"):
            self.assertIn(word, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
