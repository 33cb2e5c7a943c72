"""`balr doctor` on one process and on several ranks: what it says, and that a fault is a non-zero exit code."""
import re
import subprocess
import unittest

from harness import BUILD, TempTestCase, main, run


class Doctor(TempTestCase):
    def test_a_sound_machine(self):
        for ranks in (0, 4):
            text = run("doctor", "--save-dir", self.dir / "results", ranks=ranks)
            self.assertIn("no fault found", text)
            self.assertIn(f"known values are right on {max(1, ranks)} ranks", text)
            for rank in range(max(1, ranks)):
                self.assertIn(f"ok    rank {rank}: ", text)
            for word in ("LibTorch 2", "HDF5 1", "libsndfile 1", "small files/s", "GiB free"):
                self.assertIn(word, text)
            self.assertFalse((self.dir / "results").exists(), "the doctor left a folder behind")

    def test_the_version_of_ffmpeg(self):
        text = run("doctor", "--save-dir", self.dir / "results")
        said = re.search(r"libavformat (\d+\.\d+\.\d+)", text)
        if "FFMPEG_FOUND:INTERNAL=1" not in (BUILD / "CMakeCache.txt").read_text():
            self.assertIsNone(said, text)
            return
        shown = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
        numbers = re.search(r"libavformat +\d+\. *\d+\.\d+ / +(\d+)\. *(\d+)\.(\d+)", shown)
        self.assertEqual(said and said[1], ".".join(numbers.groups()), text)

    def test_a_folder_that_cannot_be_written(self):
        (self.dir / "file").write_text("no folder")
        for ranks in (0, 2):
            text = run("doctor", "--save-dir", self.dir / "file", ranks=ranks, expect=70)
            self.assertIn("FAULT folder on", text)
            self.assertNotIn("no fault found", text)

    def test_a_gpu_that_is_not_there(self):
        # A usage error, as for every command: nothing was examined.
        import shutil
        if shutil.which("nvidia-smi"):
            self.skipTest("this machine may have a GPU")
        text = run("doctor", "--device", "cuda", expect=2, CUDA_VISIBLE_DEVICES="")
        self.assertIn("no usable NVIDIA GPU", text)


if __name__ == "__main__":
    main()
