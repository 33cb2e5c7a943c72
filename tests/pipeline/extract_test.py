"""`balr extract` as a user runs it: against golden embeddings, on any rank count, killed and rerun, with bad files."""
import csv
import hashlib
import os
import signal
import unittest
from pathlib import Path

import h5py
import numpy as np

from harness import (ModelTestCase, TempTestCase, by_level, kill_session, main, make_corpus, needs_test_data, rank_processes, run, start,
                     test_data, wait_for, write_csv, write_wav, voice)


def golden_model():
    return test_data() / "golden" / "wespeaker-resnet34-random"


def librispeech(folder):
    """A CSV in a folder of ours (the data folder is read-only) that names the real recordings; the rows' order is all.csv's."""
    source = test_data() / "data" / "librispeech"
    with open(source / "all.csv", newline="") as lines:
        rows = [(r["id"], source / r["audio"], r["speaker"]) for r in csv.DictReader(lines)]
    return write_csv(folder / "all.csv", ("id", "audio", "speaker"), rows)


def extract(csv_file, out, model, *more, ranks=0, **kwargs):
    return run("extract", "--save-dir", out, csv_file, f"embeddings.model.model_repo={model}",
               "embeddings.model.model_name=avg_model", *more, ranks=ranks, **kwargs)


def embeddings(folder):
    with h5py.File(folder / "embeddings.h5") as store:
        return store["embeddings"][:]


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class Golden(TempTestCase):
    @needs_test_data
    def test_real_speech_equals_the_reference_on_any_rank_count(self):
        data = librispeech(self.dir)
        hashes = {}
        for ranks in (0, 2, 3):
            out = self.dir / f"out{ranks}"
            extract(data, out, golden_model(), ranks=ranks)
            self.assertEqual(embeddings(out).shape, (100, 256))
            hashes[ranks] = sha256(out / "embeddings.h5")
        self.assertEqual(len(set(hashes.values())), 1, hashes)

        with h5py.File(self.dir / "out0" / "embeddings.h5") as store, \
                h5py.File(test_data() / "golden" / "embeddings.h5") as golden:
            self.assertTrue((store["status"][:] == 0).all())
            ids = [i.decode() for i in store["id"][:]]
            by_id = dict(zip(ids, store["embeddings"][:]))
            worst = 0.0
            for name, expected in zip(golden["ids"][:], golden["embeddings"][:]):
                row = by_id[name.decode().removesuffix(".flac")]
                worst = max(worst, np.linalg.norm(row - expected) / np.linalg.norm(expected))
            print(f"largest L2 difference over norm, 30 utterances: {worst:.2e}")
            self.assertLess(worst, 1e-4)

    @needs_test_data
    def test_kill_and_rerun_gives_the_same_file(self):
        data = librispeech(self.dir)
        whole = self.dir / "whole"
        extract(data, whole, golden_model())
        for attempt in range(by_level(1, 2, 10)):
            out = self.dir / f"killed{attempt}"
            process = start("extract", "--save-dir", out, data, f"embeddings.model.model_repo={golden_model()}",
                            "embeddings.model.model_name=avg_model", ranks=2)
            wait_for(lambda: len(list((out / "parts").glob("part-*.h5"))) > attempt, what="a finished part")
            kill_session(process)
            self.assertFalse((out / "embeddings.h5").exists(), "killed too late to prove anything")
            before = 0
            for part in (out / "parts").glob("part-*.h5"):
                with h5py.File(part) as store:
                    before += len(store["embeddings"])
            self.assertGreater(before, 0)
            text = extract(data, out, golden_model(), ranks=3 if attempt % 2 else 1)
            self.assertIn(f"; {before} of them are there already", text)
            self.assertEqual(sha256(out / "embeddings.h5"), sha256(whole / "embeddings.h5"))


class Synthetic(ModelTestCase):
    """The same promises on voices and a model made here, for clones without the reference data."""

    def test_rank_counts_and_thread_counts_give_the_same_file(self):
        hashes = set()
        for ranks, threads in ((0, 1), (0, 2), (1, 1), (2, 1), (3, 1)):
            out = self.dir / f"{ranks}-{threads}"
            extract(self.csv, out, self.model, f"num_threads={threads}", ranks=ranks)
            hashes.add(sha256(out / "embeddings.h5"))
        self.assertEqual(len(hashes), 1)

    def test_h5py_reads_what_the_documentation_says(self):
        extract(self.csv, self.dir / "out", self.model)
        with h5py.File(self.dir / "out" / "embeddings.h5") as store:
            self.assertEqual(store["embeddings"].dtype, np.float32)
            self.assertEqual(store["embeddings"].shape, (32, 256))
            self.assertIsNone(store["embeddings"].chunks)
            self.assertEqual(store["id"][0], b"v00/s0")
            self.assertEqual(store["speaker"][-1], b"v07")
            self.assertEqual(set(store["source_rate"][:]), {16000})
            self.assertAlmostEqual(store["seconds"][0], 0.6, places=5)
            self.assertEqual(h5py.check_enum_dtype(store["status"].dtype)["decode"], 2)
            self.assertTrue(np.isfinite(store["embeddings"][:]).all())
        with open(self.dir / "out" / "metadata.csv", newline="") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual(rows[5]["embedding"], "embeddings.h5#5")
        self.assertTrue(Path(rows[5]["audio"]).is_file())
        self.assertTrue((self.csv.parent / "corpus.csv.embeddings").is_file())

    def test_bad_files_cost_their_row_only(self):
        folder = self.dir / "corpus"
        good = make_corpus(folder, speakers=3, sentences=2)
        with open(good) as lines:
            rows = list(csv.reader(lines))[1:]
        (folder / "empty.wav").write_bytes(b"")
        (folder / "text.wav").write_text("this is not audio\n" * 50)
        flac = folder / "broken.flac"
        flac.write_bytes(b"fLaC" + bytes(range(256)) * 20)
        write_wav(folder / "short.wav", voice(1, 1, 0.02))
        os.mkfifo(folder / "pipe.wav")
        bad = {"empty": ("empty.wav", "decode"), "text": ("text.wav", "decode"), "flac": ("broken.flac", "decode"),
               "short": ("short.wav", "too_short"), "gone": ("gone.wav", "missing"), "pipe": ("pipe.wav", "missing")}
        rows += [(name, file, "x") for name, (file, _) in bad.items()]
        data = write_csv(folder / "all.csv", ("id", "audio", "speaker"), rows)
        text = extract(data, self.dir / "out", self.model, expect=65, ranks=2)
        self.assertIn("failures.csv", text)
        with open(self.dir / "out" / "failures.csv", newline="") as lines:
            failures = {r["id"]: r for r in csv.DictReader(lines)}
        self.assertEqual({name: f["reason"].split(":")[0] for name, f in failures.items()},
                         {name: status for name, (_, status) in bad.items()})
        self.assertEqual(failures["empty"]["row"], "6")
        values = embeddings(self.dir / "out")
        self.assertEqual(np.isfinite(values).all(axis=1).tolist(), [True] * 6 + [False] * 6)
        self.assertTrue(np.isnan(values[6:]).all())
        # Within the allowed share the same run ends with 0.
        extract(data, self.dir / "out2", self.model, "embeddings.max_failed_fraction=0.5", expect=0)

    def test_a_rerun_has_nothing_to_do_and_another_model_is_refused(self):
        out = self.dir / "out"
        extract(self.csv, out, self.model)
        before = (out / "embeddings.h5").stat().st_mtime_ns
        self.assertIn("nothing to do", extract(self.csv, out, self.model, ranks=2))
        self.assertEqual((out / "embeddings.h5").stat().st_mtime_ns, before)
        text = extract(self.csv, out, self.model, "data.normalize_var=true", expect=65)
        self.assertIn("--force", text)
        self.assertEqual((out / "embeddings.h5").stat().st_mtime_ns, before)
        extract(self.csv, out, self.model, "data.normalize_var=true", "--force")
        self.assertNotEqual((out / "embeddings.h5").stat().st_mtime_ns, before)

    def stop_after_first_part(self, data, out):
        log = out.with_suffix(".log")
        process = start("extract", "--save-dir", out, data, f"embeddings.model.model_repo={self.model}",
                        "embeddings.model.model_name=avg_model", ranks=2, log=log)
        wait_for(lambda: list((out / "parts").glob("part-*.h5")), what="a finished part")
        for pid in rank_processes(process.pid):
            os.kill(pid, signal.SIGUSR2)
        self.assertEqual(process.wait(timeout=60), 75, log.read_text())
        self.assertIn("run the same command again", log.read_text())
        self.assertFalse((out / "embeddings.h5").exists())

    def test_a_stop_request_publishes_finished_rows(self):
        data = make_corpus(self.dir / "corpus", speakers=10, sentences=10, seconds=(6, 8))
        # A stop between two parts leaves no fragment: then another run is stopped.
        for attempt in range(8):
            out = self.dir / f"out{attempt}"
            self.stop_after_first_part(data, out)
            if list((out / "parts").glob("fragment-*.h5")):
                break
        else:
            self.fail("eight runs were stopped and none left a fragment")
        extract(data, out, self.model)
        extract(data, self.dir / "whole", self.model)
        self.assertEqual(sha256(out / "embeddings.h5"), sha256(self.dir / "whole" / "embeddings.h5"))

    def test_a_folder_and_a_single_file(self):
        extract(self.csv.parent, self.dir / "folder", self.model)
        with h5py.File(self.dir / "folder" / "embeddings.h5") as store:
            self.assertEqual(store["id"][0], b"v00/s0.wav")
            self.assertEqual(store["embeddings"].shape[0], 32)
        extract(self.csv.parent / "v00" / "s0.wav", self.dir / "file", self.model)
        with h5py.File(self.dir / "file" / "embeddings.h5") as store:
            self.assertEqual(store["id"][0], b"s0")
        self.assertTrue(np.array_equal(embeddings(self.dir / "file")[0], embeddings(self.dir / "folder")[0]))


if __name__ == "__main__":
    main()
