"""m4a, wma, aac and matroska: what AudioLoader decodes is what the program ffmpeg decodes."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

BUILD = Path(os.environ["BALR_BUILD_DIR"])
TOOL = BUILD / "tests" / "data" / "audio_tool"
FFMPEG = shutil.which("ffmpeg")
RATE = 16000


def built_with_ffmpeg():
    return "FFMPEG_FOUND:INTERNAL=1" in (BUILD / "CMakeCache.txt").read_text()


def ffmpeg(*arguments, **kwargs):
    return subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True, **kwargs).stdout


def reference(file, channels):
    """All frames of the best audio stream as the program decodes them, (frames, channels)."""
    raw = ffmpeg("-i", file, "-map", "0:a:0", "-f", "f32le", "-c:a", "pcm_f32le", "-", stdout=subprocess.PIPE)
    return np.frombuffer(raw, np.float32).reshape(-1, channels)


def load(file, *piece, rate=RATE, env=None):
    """Status, seconds, source rate, reason and samples that AudioLoader gives."""
    done = subprocess.run([TOOL, str(rate), file, *map(str, piece)], check=True, capture_output=True, timeout=60, env=env)
    lines = done.stderr.decode(errors="replace").splitlines()
    assert len(lines) == 1, lines
    status, seconds, source_rate, reason = lines[0].split(" ", 3)
    return status, float(seconds), int(source_rate), reason, np.frombuffer(done.stdout, np.float32)


def speech(channels, rate, seconds=3.0):
    rng = np.random.default_rng(channels * rate)
    t = np.arange(int(seconds * rate)) / rate
    tones = [sum(np.sin(2 * np.pi * (110 + 40 * c) * k * t + k) / k for k in range(1, 12)) for c in range(channels)]
    x = 0.1 * np.stack(tones, 1) + 0.01 * rng.standard_normal((t.size, channels))
    return (x * np.minimum(1, 20 * t)[:, None]).astype("<f4")


@unittest.skipUnless(FFMPEG, "the program ffmpeg is not installed")
@unittest.skipUnless(built_with_ffmpeg(), "balr was built without FFmpeg")
class Ffmpeg(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(dir=BUILD))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def encode(self, name, *options, channels=1, rate=RATE, seconds=3.0):
        source = self.dir / "source.f32"
        source.write_bytes(speech(channels, rate, seconds).tobytes())
        file = self.dir / name
        ffmpeg("-f", "f32le", "-ar", rate, "-ac", channels, "-i", source, *options, file)
        return file

    def assert_equal_to_ffmpeg(self, file, channels, rate=RATE):
        expected = reference(file, channels)
        self.assertGreater(len(expected), 1000)
        status, seconds, source_rate, reason, samples = load(file, rate=rate)
        self.assertEqual((status, source_rate), ("ok", rate), reason)
        mean = expected[:, 0].copy()
        for c in range(1, channels):
            mean += expected[:, c]
        mean /= np.float32(channels)
        np.testing.assert_array_equal(samples, mean)
        self.assertAlmostEqual(seconds, len(expected) / rate, places=5)

    def test_bits_equal_in_every_codec_and_container(self):
        codecs = {
            "a.m4a": ["-c:a", "aac", "-b:a", "64k"],
            "b.mp4": ["-c:a", "aac", "-b:a", "32k", "-movflags", "+faststart"],
            "frag.mp4": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
            "alac.m4a": ["-c:a", "alac"],
            "alac24.m4a": ["-c:a", "alac", "-sample_fmt", "s32p"],
            "noedit.m4a": ["-c:a", "aac", "-use_editlist", "0"],
            "v1.wma": ["-c:a", "wmav1", "-b:a", "64k"],
            "v2.wma": ["-c:a", "wmav2", "-b:a", "64k"],
            "a.aac": ["-c:a", "aac", "-f", "adts"],
            "a.mka": ["-c:a", "aac"],
            "o.webm": ["-c:a", "libopus", "-ar", "48000"],
            "p.mov": ["-c:a", "pcm_s16le"],
            "q.mov": ["-c:a", "pcm_u8"],
            "r.mov": ["-c:a", "pcm_f64le"],
        }
        for name, options in codecs.items():
            for channels in (1, 2):
                with self.subTest(name, channels=channels):
                    file = self.encode(name, *options, channels=channels)
                    self.assert_equal_to_ffmpeg(file, channels, 48000 if name == "o.webm" else RATE)

    def test_other_rates_are_resampled_as_any_audio_is(self):
        for rate in (8000, 44100, 48000):
            for name, codec in (("a.m4a", "aac"), ("a.wma", "wmav2")):
                with self.subTest(name, rate=rate):
                    file = self.encode(name, "-c:a", codec, rate=rate, channels=2)
                    self.assert_equal_to_ffmpeg(file, 2, rate)
                    wav = self.dir / "same.wav"
                    ffmpeg("-i", file, "-c:a", "pcm_f32le", wav)
                    np.testing.assert_array_equal(load(file)[4], load(wav)[4])

    @unittest.skipUnless("avx2" in Path("/proc/cpuinfo").read_text(), "no processor with AVX2")
    def test_the_bytes_are_those_of_a_processor_with_avx2_alone(self):
        avx2 = "mmx+mmxext+sse+sse2+sse3+ssse3+sse4.1+sse4.2+avx+fma3+avx2"
        for name, codec in (("a.m4a", "aac"), ("a.wma", "wmav2")):
            file = self.encode(name, "-c:a", codec)
            raw = ffmpeg("-cpuflags", avx2, "-i", file, "-f", "f32le", "-c:a", "pcm_f32le", "-", stdout=subprocess.PIPE)
            self.assertEqual(load(file)[4].tobytes(), raw)

    def test_the_encoder_delay_is_cut_as_ffmpeg_cuts_it(self):
        noise = np.random.default_rng(1).standard_normal(3 * RATE)
        noise = (0.1 * (noise + np.roll(noise, 1))).astype("<f4")
        (self.dir / "noise.f32").write_bytes(noise.tobytes())
        file = self.dir / "noise.m4a"
        ffmpeg("-f", "f32le", "-ar", RATE, "-ac", 1, "-i", self.dir / "noise.f32", "-c:a", "aac", "-b:a", "128k", file)
        kept = ffmpeg("-flags2", "+skip_manual", "-i", file, "-f", "f32le", "-", stdout=subprocess.PIPE)
        status, _, _, reason, samples = load(file)
        self.assertEqual(status, "ok", reason)
        self.assertEqual(len(kept) // 4 - len(samples), 1024)  # what ffmpeg's AAC encoder puts before
        n = len(noise)
        self.assertGreater(np.corrcoef(samples[:n], noise)[0, 1], 0.9)
        self.assertLess(np.corrcoef(samples[1:n], noise[:n - 1])[0, 1], 0.8)  # noise tells one sample's shift

    def test_several_streams_the_best_one_is_taken(self):
        video = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=3"]
        one, two = self.encode("1.m4a", "-c:a", "aac"), self.encode("2.m4a", "-c:a", "aac", channels=2)
        file = self.dir / "film.mp4"
        ffmpeg(*video, "-i", one, "-i", two, "-map", 0, "-map", 1, "-map", 2, "-c:v", "mpeg4", "-c:a", "copy", file)
        status, _, _, reason, samples = load(file)
        self.assertEqual(status, "ok", reason)
        candidates = [load(one)[4], load(two)[4]]
        self.assertTrue(any(len(c) == len(samples) and (c == samples).all() for c in candidates))
        silent = self.dir / "silent.mp4"
        ffmpeg(*video, "-c:v", "mpeg4", silent)
        self.assertEqual(load(silent)[0:4:3], ("decode", "no audio stream in the file"))

    def test_pieces(self):
        file = self.encode("a.m4a", "-c:a", "aac", channels=2)
        expected = reference(file, 2)
        self.assertEqual(load(file, 0.5, 1.25, 1)[0], "ok")
        np.testing.assert_array_equal(load(file, 0.5, 1.25, 1)[4], expected[8000:20000, 1])
        self.assertEqual(load(file, 0.5, 99, 1)[0], "out_of_range")

    def test_encrypted(self):
        file = self.encode("drm.mp4", "-c:a", "aac", "-encryption_scheme", "cenc-aes-ctr",
                           "-encryption_key", "00112233445566778899aabbccddeeff", "-encryption_kid", "0" * 31 + "1")
        self.assertEqual(load(file)[0:4:3], ("decode", "encrypted (DRM)"))
        old = self.encode("old.m4a", "-c:a", "aac").read_bytes()
        self.assertIn(b"mp4a", old)
        (self.dir / "old.m4a").write_bytes(old.replace(b"mp4a", b"drms", 1))
        self.assertEqual(load(self.dir / "old.m4a")[0], "decode")

    def test_cut_and_damaged_files_get_a_status(self):
        for name, options in (("a.m4a", ["-movflags", "+faststart"]), ("b.m4a", []), ("c.wma", []), ("d.aac", [])):
            whole = self.encode(name, *options).read_bytes()
            file = self.dir / ("cut_" + name)
            for size in (8, 30, 200, len(whole) // 3, len(whole) // 2):
                file.write_bytes(whole[:size])
                status, _, _, reason, samples = load(file)
                with self.subTest(name, size=size, reason=reason):
                    # wma and aac have no table of what should be there: a cut is an end.
                    if "m4a" in name or size < 300:
                        self.assertEqual(status, "decode")
                    self.assertEqual(status == "ok", bool(len(samples)))
            rng = np.random.default_rng(len(whole))
            for _ in range({"quick": 10, "ci": 40, "full": 1000}[os.environ.get("BALR_TEST_LEVEL", "quick")]):
                damaged = bytearray(whole)
                for _ in range(rng.integers(1, 8)):
                    damaged[rng.integers(0, min(len(whole), 4000))] = rng.integers(0, 256)
                file.write_bytes(damaged)
                status, _, _, reason, samples = load(file)  # one line on stderr, no crash
                self.assertIn(status, ("ok", "decode", "nonfinite", "too_long"), reason)
                self.assertTrue(np.isfinite(samples).all())

    def test_playlists_and_texts_open_nothing(self):
        self.encode("a.m4a", "-c:a", "aac")
        for name, text in (("list.m3u8", "#EXTM3U\n#EXTINF:3,\na.m4a\n"), ("c.m4a", "ffconcat version 1.0\nfile a.m4a\n"),
                           ("x.wma", "not audio at all")):
            (self.dir / name).write_text(text)
            self.assertEqual(load(self.dir / name)[0], "decode")


@unittest.skipUnless(FFMPEG, "the program ffmpeg is not installed")
class WithoutFfmpeg(unittest.TestCase):
    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    @unittest.skipUnless(built_with_ffmpeg(), "balr was built without FFmpeg")
    def test_the_same_program_names_the_package(self):
        """On a machine without the libraries: a dlopen that does not find them."""
        folder = Path(tempfile.mkdtemp(dir=BUILD))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        source = folder / "absent.c"
        source.write_text("""#define _GNU_SOURCE
            #include <dlfcn.h>
            #include <string.h>
            void *dlopen(const char *name, int flags) {
              if (name && strstr(name, "libav")) return 0;
              return ((void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen"))(name, flags);
            }""")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "absent.so", source], check=True)
        ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", folder / "a.m4a")
        ffmpeg("-f", "lavfi", "-i", "sine=duration=1", folder / "a.wav")
        env = dict(os.environ, LD_PRELOAD=str(folder / "absent.so"))
        status, _, _, reason, _ = load(folder / "a.m4a", env=env)
        self.assertEqual(status, "decode")
        self.assertRegex(reason, re.escape("install libavformat") + r"\d+ \(Debian, Ubuntu\) or load the module ffmpeg")
        self.assertEqual(load(folder / "a.wav", env=env)[0], "ok")
        self.assertEqual(load(folder / "a.m4a")[0], "ok")

    def test_the_program_is_not_linked_to_it(self):
        needed = subprocess.run(["ldd", TOOL], check=True, capture_output=True, text=True).stdout
        self.assertNotIn("libavformat", needed)


if __name__ == "__main__":
    program = unittest.main(verbosity=2, exit=False)
    for test, reason in program.result.skipped:  # in the form that tools/test.sh counts
        print(f"[  SKIPPED ] {type(test).__name__}.{test._testMethodName}  {reason}")
    sys.exit(0 if program.result.wasSuccessful() else 1)
