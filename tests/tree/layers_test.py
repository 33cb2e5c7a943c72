"""The include lines obey the rings: a module includes itself and lower rings only; a vendor's header stays in its place."""
import os
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(os.environ["BALR_SOURCE_DIR"])
RING = {"core": 0, "kernels": 0, "data": 1, "store": 1, "weights": 1, "dist": 1, "evaluation": 1, "run": 2, "dataset": 2, "speech": 2,
        "bae": 2, "scoring": 2, "extract": 3, "train": 3, "score": 3, "binarize": 3, "doctor": 3, "app": 4}
# A vendor's header: the only files that may include it.
VENDOR = {
    "mpi.h": {"src/dist/"}, "nccl.h": {"src/dist/"}, "hdf5.h": {"src/store/"}, "sndfile.h": {"src/data/"},
    "csv.h": {"src/data/"}, "yaml-cpp/": {"src/core/", "src/speech/"},
    "openssl/": {"src/core/"}, "curl/": {"src/weights/http_curl.cpp"}, "hwy/": {"src/kernels/"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources():
    for folder in ("src", "include/balr"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".h", ".cu"):
                yield path


class Layers(unittest.TestCase):
    def test_every_module_has_a_ring(self):
        modules = {p.name for f in ("src", "include/balr") for p in (ROOT / f).iterdir() if p.is_dir()}
        self.assertEqual(modules - set(RING), set())

    def test_includes_go_to_lower_rings(self):
        seen = 0
        for path in sources():
            module = path.relative_to(ROOT / ("src" if (ROOT / "src") in path.parents else "include/balr")).parts[0]
            for _, name in INCLUDE.findall(path.read_text()):
                target = name.removeprefix("balr/").split("/")[0]
                if "/" not in name or target not in RING or (name.startswith(target) and not (ROOT / "src" / name).exists()):
                    continue
                seen += 1
                self.assertTrue(target == module or RING[target] < RING[module],
                                f"{path.relative_to(ROOT)} (ring {RING[module]}) includes {name} (ring {RING[target]})")
        self.assertGreater(seen, 50)

    def test_vendor_headers_stay_in_their_place(self):
        for path in sources():
            where = str(path.relative_to(ROOT))
            for _, name in INCLUDE.findall(path.read_text()):
                for vendor, allowed in VENDOR.items():
                    if name == vendor or (vendor.endswith("/") and name.startswith(vendor)):
                        self.assertTrue(any(where.startswith(a) for a in allowed), f"{where} includes {name}")

    def test_public_headers_name_no_vendor_c_library(self):
        for path in (ROOT / "include").rglob("*.hpp"):
            for _, name in INCLUDE.findall(path.read_text()):
                self.assertNotIn(name, ("mpi.h", "nccl.h", "hdf5.h", "sndfile.h", "csv.h"), str(path))

    def test_torch_umbrella_header_is_not_used(self):
        for path in sources():
            self.assertNotIn("torch/torch.h", path.read_text(), str(path))


if __name__ == "__main__":
    unittest.main(verbosity=2)
