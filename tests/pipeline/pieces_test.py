"""Pieces of files, Kaldi folders, long and short audio: each against the same audio cut into files by this program."""
import csv
import resource
import unittest
import wave

import h5py
import numpy as np

from hostile_corpus import flac
from harness import LEVEL, ModelTestCase, by_level, main, run, voice, write_csv, write_wav

RATE = 16000


def pcm(samples):
    return (np.clip(samples, -1, 1) * 32767).astype("<i2")


def write_channels(path, channels):
    """Channels of int16."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(channels))
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.stack(channels, 1).astype("<i2").tobytes())


def unit(vector):
    return vector / np.linalg.norm(vector.astype(np.float64))


class Pieces(ModelTestCase):
    corpus = dict(speakers=2, sentences=2)

    def extract(self, data, out, *more, **kwargs):
        return run("extract", "--save-dir", self.dir / out, data, f"embeddings.model.model_repo={self.model}",
                   "embeddings.model.model_name=avg_model", *more, **kwargs)

    def store(self, out):
        """{id: embedding}, {id: (status, seconds)}"""
        with h5py.File(self.dir / out / "embeddings.h5") as file:
            names = {value: name for name, value in h5py.check_enum_dtype(file["status"].dtype).items()}
            ids = [i.decode() for i in file["id"][:]]
            facts = zip((names[s] for s in file["status"][:]), map(float, file["seconds"][:]))
            return dict(zip(ids, file["embeddings"][:])), dict(zip(ids, facts))

    def recordings(self):
        """Two recordings of two channels, and a list of pieces: id, file, start, end, channel, its samples."""
        sounds, rows = {}, []
        for name in ("a.wav", "b.wav"):
            channels = [pcm(voice(ord(name[0]) + c, c, 12.0)) for c in range(2)]
            write_channels(self.dir / name, channels)
            sounds[name] = [np.float32(c / 32768) for c in channels]
        rng = np.random.default_rng(1)
        for i in range(24):
            name = "a.wav" if i < 12 else "b.wav"
            start = round(float(rng.uniform(0, 10)), 3)
            end = round(start + float(rng.uniform(0.5, 2)), 3)
            channel = ("", 0, 1)[i % 3]
            left, right = (s[round(start * RATE):round(end * RATE)] for s in sounds[name])
            rows.append((f"p{i:02d}", name, start, end, channel, (left + right) / 2 if channel == "" else (left, right)[channel]))
        return rows

    def test_pieces_equal_files_cut_beforehand(self):
        rows = self.recordings()
        for id_, _, _, _, _, samples in rows:
            with open(self.dir / f"{id_}.wav", "wb") as out:  # float, so that the mean of two channels is exact
                data = samples.astype("<f4").tobytes()
                head = b"\x03\0\x01\0" + RATE.to_bytes(4, "little") + (4 * RATE).to_bytes(4, "little") + b"\x04\0\x20\0"
                out.write(b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0" + head)
                out.write(b"data" + len(data).to_bytes(4, "little") + data)
        cut = write_csv(self.dir / "cut.csv", ("id", "audio"), [(r[0], f"{r[0]}.wav") for r in rows])
        pieces = write_csv(self.dir / "pieces.csv", ("id", "audio", "start", "end", "channel"), [r[:5] for r in rows])
        self.extract(cut, "cut", ranks=2)
        expected, _ = self.store("cut")
        for ranks in (0, 2):
            self.extract(pieces, f"pieces{ranks}", ranks=ranks)
            values, facts = self.store(f"pieces{ranks}")
            for id_, _, start, end, *_ in rows:
                self.assertEqual(values[id_].tobytes(), expected[id_].tobytes(), id_)
                self.assertAlmostEqual(facts[id_][1], end - start, places=3)
        # metadata.csv is such an input again.
        with open(self.dir / "pieces0" / "metadata.csv", newline="") as lines:
            self.assertEqual(next(csv.DictReader(lines))["start"], str(rows[0][2]))
        # Another piece is another input.
        write_csv(self.dir / "pieces.csv", ("id", "audio", "start", "end", "channel"), [rows[0][:3] + (12, 0)])
        self.assertIn("--force", self.extract(pieces, "pieces0", expect=65))

    def test_a_bad_piece_is_an_error_with_its_line(self):
        self.recordings()
        data = write_csv(self.dir / "bad.csv", ("id", "audio", "start", "end"), [("x", "a.wav", 0, 1), ("y", "a.wav", 2, 1)])
        self.assertIn("bad.csv, line 3: the piece ends at 1 s", self.extract(data, "out", expect=65))
        self.assertFalse((self.dir / "out").exists())

    def test_a_kaldi_folder(self):
        rows = self.recordings()
        folder = self.dir / "data"
        folder.mkdir()
        (folder / "wav.scp").write_text("".join(f"{n} {self.dir / n}.wav\n" for n in "ab"))
        (folder / "segments").write_text("".join(f"{r[0]} {r[1][0]} {r[2]} {r[3]}\n" for r in rows))
        (folder / "utt2spk").write_text("".join(f"{r[0]} speaker-{r[1][0]}\n" for r in rows))
        data = write_csv(self.dir / "same.csv", ("id", "audio", "start", "end"), [r[:4] for r in rows])
        self.extract(data, "csv")
        self.extract(folder, "kaldi", ranks=2)
        self.extract(folder / "wav.scp", "list")
        expected, _ = self.store("csv")
        for out in ("kaldi", "list"):
            values, _ = self.store(out)
            self.assertEqual({k: v.tobytes() for k, v in values.items()}, {k: v.tobytes() for k, v in expected.items()})
        with h5py.File(self.dir / "kaldi" / "embeddings.h5") as file:
            self.assertEqual(file["speaker"][0], b"speaker-a")
        self.extract(self.dir / "kaldi" / "metadata.csv", "again")
        values, _ = self.store("again")
        self.assertEqual(values["p23"].tobytes(), expected["p23"].tobytes())
        (folder / "wav.scp").write_text(f"a touch {self.dir / 'trace'} |\n")
        self.assertIn("is a command, and balr runs none", self.extract(folder, "out", expect=65))
        self.assertFalse((self.dir / "trace").exists())

    def long_and_short(self):
        write_wav(self.dir / "long.wav", voice(3, 3, 11.05))
        write_wav(self.dir / "edge.wav", voice(4, 4, 4.0))
        write_wav(self.dir / "short.wav", voice(5, 5, 0.06))
        return write_csv(self.dir / "all.csv", ("id", "audio"), [(n, f"{n}.wav") for n in ("long", "edge", "short")])

    def test_long_audio(self):
        data = self.long_and_short()
        parts = [("long-0", "long.wav", 0, 4), ("long-1", "long.wav", 4, 8), ("long-2", "long.wav", 8, 11.05),
                 ("edge", "edge.wav", "", ""), ("long", "long.wav", "", "")]
        self.extract(write_csv(self.dir / "parts.csv", ("id", "audio", "start", "end"), parts), "parts")
        pieces, _ = self.store("parts")
        allow, four = "embeddings.max_failed_fraction=1", "embeddings.max_seconds=4"

        self.extract(data, "whole", allow)
        values, facts = self.store("whole")
        self.assertEqual(values["long"].tobytes(), pieces["long"].tobytes())
        self.assertEqual(facts["short"][0], "too_short")

        # A whole has an end too.
        (self.dir / "hours.flac").write_bytes(flac(4 * 3600 * RATE + 1))
        hours = write_csv(self.dir / "hours.csv", ("id", "audio"), [("hours", "hours.flac")])
        self.extract(hours, "hours", allow)
        self.assertEqual(self.store("hours")[1]["hours"][0], "too_long")

        self.assertIn("truncated", self.extract(data, "truncate", allow, four, "embeddings.long=truncate"))
        values, facts = self.store("truncate")
        self.assertEqual(values["long"].tobytes(), pieces["long-0"].tobytes())
        self.assertEqual(values["edge"].tobytes(), pieces["edge"].tobytes())
        self.assertEqual(facts["long"], ("ok", 4.0))

        self.extract(data, "refuse", allow, four, "embeddings.long=refuse")
        values, facts = self.store("refuse")
        self.assertEqual(facts["long"][0], "too_long")
        self.assertEqual(values["edge"].tobytes(), pieces["edge"].tobytes())

        for ranks in (0, 2):
            text = self.extract(data, f"chunk{ranks}", allow, four, "embeddings.long=chunk", ranks=ranks)
            self.assertRegex(text, r"1 .*chunked|chunked.* 1")
            values, facts = self.store(f"chunk{ranks}")
            mean = (4 * unit(pieces["long-0"]) + 4 * unit(pieces["long-1"]) + 3.05 * unit(pieces["long-2"])) / 11.05
            np.testing.assert_allclose(values["long"], mean, rtol=0, atol=1e-6)
            self.assertEqual(values["edge"].tobytes(), pieces["edge"].tobytes())  # just not long
            self.assertAlmostEqual(facts["long"][1], 11.05, places=4)
        # Part of the identity, and never without an effect.
        self.assertIn("--force", self.extract(data, "chunk0", allow, four, "embeddings.long=truncate", expect=65))
        self.assertIn("embeddings.long=whole", self.extract(data, "out", four, expect=2))
        self.assertIn("max_seconds", self.extract(data, "out", "embeddings.max_seconds=0", "embeddings.long=chunk", expect=2))

    def test_short_audio(self):
        data = self.long_and_short()
        with wave.open(str(self.dir / "short.wav")) as file:
            samples = np.frombuffer(file.readframes(10**6), "<i2")
        allow = "embeddings.max_failed_fraction=1"
        for seconds, length in ((0, 1680), (0.5, 8000)):
            write_channels(self.dir / "repeated.wav", [np.resize(samples, length)])
            one = write_csv(self.dir / "one.csv", ("id", "audio"), [("short", "repeated.wav")])
            self.extract(one, f"one{seconds}")
            least = f"embeddings.min_seconds={seconds}"
            self.assertIn("repeated", self.extract(data, f"repeat{seconds}", least, "embeddings.short=repeat"))
            values, facts = self.store(f"repeat{seconds}")
            self.assertEqual(values["short"].tobytes(), self.store(f"one{seconds}")[0]["short"].tobytes())
            self.assertEqual(facts["short"][0], "ok")
            self.assertAlmostEqual(facts["short"][1], 0.06, places=4)  # of audio, not of repetition
        self.extract(data, "strict", allow, "embeddings.min_seconds=4.5")
        _, facts = self.store("strict")
        self.assertEqual({k: v[0] for k, v in facts.items()}, {"long": "ok", "edge": "too_short", "short": "too_short"})
        self.assertIn("min_seconds", self.extract(data, "out", "embeddings.min_seconds=-1", expect=2))

    def test_silence_is_finite(self):
        for name, value in (("silence", 0.0), ("constant", 0.5)):
            write_wav(self.dir / f"{name}.wav", np.full(RATE, value))
        data = write_csv(self.dir / "s.csv", ("id", "audio"), [(n, f"{n}.wav") for n in ("silence", "constant")])
        self.extract(data, "out")
        values, facts = self.store("out")
        for id_ in values:
            self.assertEqual(facts[id_][0], "ok")
            self.assertTrue(np.isfinite(values[id_]).all())

    @unittest.skipIf(LEVEL == "quick", "computes for some 10 s: level ci")
    def test_an_hour_in_chunks_within_bounded_memory(self):
        """The mean of equal chunks is one of them, made a unit; memory is that of the samples (an hour: 230 MB) and what any run needs."""
        seconds = by_level(0, 1200, 3600)
        (self.dir / "minute.flac").write_bytes(flac(60 * RATE))
        (self.dir / "hour.flac").write_bytes(flac(seconds * RATE))
        minute, hour = (write_csv(self.dir / f"{n}.csv", ("id", "audio"), [(n, f"{n}.flac")]) for n in ("minute", "hour"))
        self.extract(minute, "minute")
        ordinary = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.extract(hour, "hour", "embeddings.long=chunk", "embeddings.max_seconds=60")
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        values, facts = self.store("hour")
        self.assertEqual(facts["hour"], ("ok", seconds))
        expected = unit(self.store("minute")[0]["minute"])
        np.testing.assert_allclose(values["hour"], expected, rtol=0, atol=1e-6)
        print(f"{ordinary / 1e3:.0f} MB with a minute, {most / 1e3:.0f} MB with {seconds} s in chunks")
        self.assertLess(1024 * (most - ordinary), 4 * seconds * RATE + 150e6)


if __name__ == "__main__":
    main()
