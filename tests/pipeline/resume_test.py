"""Extraction that nothing stops: killed at any moment, decoders that crash or hang, full disks, two runs at once."""
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

from harness import (BUILD, LEVEL, ModelTestCase, by_level, environment, kill_session, command, main, make_corpus, rank_processes, run,
                     start, voice, wait_for, write_csv, write_wav)


def datasets(folder):
    """Every dataset and root attribute, by name, as bytes."""
    with h5py.File(folder / "embeddings.h5") as store:
        return {**{name: store[name][:].tobytes() for name in store}, **{f"@{k}": v for k, v in store.attrs.items()}}


def failures(folder):
    with open(folder / "failures.csv", newline="") as lines:
        return {row["id"]: row["reason"] for row in csv.DictReader(lines)}


def field(folder, name):
    return run("status", folder, "--field", name).strip()


class ResumeTestCase(ModelTestCase):
    corpus = dict(speakers=8, sentences=5)  # 40 rows: 5 parts

    def arguments(self, out, data=None, *more):
        return ("extract", "--save-dir", out, data or self.csv, f"embeddings.model.model_repo={self.model}",
                "embeddings.model.model_name=avg_model", "num_threads=1", *more)

    def extract(self, out, data=None, *more, **kwargs):
        return run(*self.arguments(out, data, *more), **kwargs)

    def whole(self):
        """The uninterrupted run, once a class."""
        out = self.shared / "whole"
        if not (out / "embeddings.h5").exists():
            self.extract(out)
        return datasets(out)


class Killed(ResumeTestCase):
    def test_kill_at_random_moments_with_changing_rank_counts(self):
        """kill -9 again and again until a run gets through; every dataset equals that of an uninterrupted run."""
        generator = random.Random(11)
        begin = time.monotonic()
        self.extract(self.dir / "timed", ranks=2)
        longest = time.monotonic() - begin
        kills = 0
        for attempt in range(10 * by_level(3, 8, 100)):
            if kills >= by_level(3, 8, 100):
                break
            out = self.dir / f"out{attempt}"
            while not (out / "embeddings.h5").exists():
                ranks = generator.choice((0, 1, 2, 3))
                process = start(*self.arguments(out), ranks=ranks, log=self.dir / "log")
                try:
                    process.wait(timeout=generator.uniform(0, longest))
                    self.assertEqual(process.returncode, 0, (self.dir / "log").read_text())
                except subprocess.TimeoutExpired:
                    kill_session(process)
                    kills += 1
            self.extract(out, ranks=generator.choice((0, 2)))  # tidies up after a kill at the very end
            self.assertEqual(datasets(out), self.whole())
            self.assertEqual(failures(out), {}, "an innocent file was marked")
            self.assertEqual(field(out, "state"), "complete")
            self.assertFalse((out / "parts").exists())
            self.assertEqual(sorted(p.name for p in out.glob(".balr-lease*")), [])
            shutil.rmtree(out)

    def test_kill_between_the_store_and_the_tidying(self):
        for place in ("extract.merge", "extract.merged"):
            out = self.dir / place
            self.extract(out, expect=None, BALR_FAULT=f"kill@{place}:0")
            self.assertEqual((out / "embeddings.h5").exists(), place == "extract.merged")
            self.extract(out)
            self.assertEqual(datasets(out), self.whole())
            self.assertEqual((field(out, "state"), field(out, "done")), ("complete", "40"))
            self.assertFalse((out / "parts").exists())

    def test_too_many_failures_are_remembered_after_such_a_kill(self):
        rows = [(f"r{i}", f"none{i}.wav", "s") for i in range(4)]
        data = write_csv(self.dir / "x.csv", ("id", "audio", "speaker"), rows)
        self.extract(self.dir / "out", data, expect=None, BALR_FAULT="kill@extract.merged:0")
        self.assertIn("4 missing", self.extract(self.dir / "out", data, expect=65))
        self.assertIn("4 missing", self.extract(self.dir / "out", data, expect=65))

    def test_progress_under_any_time_limit(self):
        """Runs that are stopped after their first row or so still come to an end."""
        data = make_corpus(self.dir / "corpus", speakers=1, sentences=6, seconds=(1, 2))
        out = self.dir / "out"
        for attempt in range(40):
            process = start(*self.arguments(out, data), log=self.dir / "log", BALR_FAULT="slow@extract.row:0=40")
            wait_for(lambda: process.poll() is not None or "threads each" in (self.dir / "log").read_text(), what="the work's start")
            for pid in rank_processes(process.pid):
                os.kill(pid, signal.SIGTERM)
            code = process.wait(timeout=120)
            if code == 0:
                break
            self.assertEqual(code, 75, (self.dir / "log").read_text())
            self.assertEqual(field(out, "stop_reason"), "SIGTERM")
        else:
            self.fail("forty runs did not get six rows done")
        self.extract(self.dir / "once", data)
        self.assertEqual(datasets(out), datasets(self.dir / "once"))


class Stopped(ResumeTestCase):
    corpus = dict(speakers=4, sentences=5)

    @unittest.skipIf(LEVEL == "quick", "waits 20 s: level ci")
    def test_a_row_that_computes_for_long_keeps_no_other_from_the_disk(self):
        """A stop that cannot end before a kill has lost that row only."""
        out = self.dir / "out"
        process = start(*self.arguments(out, None, "num_threads=2"), log=self.dir / "log", BALR_FAULT="hang@network:v01/s2.wav")
        wait_for(lambda: len(list((out / "parts").glob("part-*.h5"))) == 2, what="the parts after the row's")
        for pid in rank_processes(process.pid):
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: "the stop waits for 1 rows" in (self.dir / "log").read_text(), what="the patience's end")
        wait_for(lambda: list((out / "parts").glob("fragment-*.h5")), what="a fragment of its part")
        kill_session(process)
        text = self.extract(out)
        self.assertRegex(text, "; 19 of them are there already")
        self.assertEqual(failures(out), {})
        self.extract(self.dir / "once")
        self.assertEqual(datasets(out), datasets(self.dir / "once"))


class Decoders(ResumeTestCase):
    corpus = dict(speakers=4, sentences=5)

    def test_a_file_that_crashes_the_decoder_costs_its_row(self):
        """A real SIGSEGV on one rank of two ends the run; the next one tries what was in work and goes on."""
        for how in ("segv", "abort"):
            out = self.dir / how
            env = {"BALR_FAULT": f"{how}@decode:v02/s3.wav"}
            text = self.extract(out, ranks=2, expect=None, **env)
            self.assertFalse((out / "embeddings.h5").exists(), text)
            text = self.extract(out, None, "embeddings.max_failed_fraction=0.5", ranks=2, **env)
            self.assertIn("in a process of its own", text)
            self.assertEqual(list(failures(out)), ["v02/s3"])
            self.assertIn("crashed: the decoder crashed (signal", failures(out)["v02/s3"])
            with h5py.File(out / "embeddings.h5") as store:
                self.assertEqual((store["status"][:] == 7).sum(), 1)
                self.assertEqual(np.isfinite(store["embeddings"][:]).all(axis=1).sum(), 19)
            self.assertIn("1 crashed", text)

    def test_two_files_that_crash_need_two_restarts_at_most(self):
        env = {"BALR_FAULT": "segv@decode:v00/s0.wav;segv@decode:v03/s4.wav"}
        out = self.dir / "out"
        for restart in range(3):
            text = self.extract(out, None, "embeddings.max_failed_fraction=0.5", expect=None, **env)
            if (out / "embeddings.h5").exists():
                break
        self.assertEqual(sorted(failures(out)), ["v00/s0", "v03/s4"], text)

    def test_a_file_that_hangs_is_given_up_while_the_others_go_on(self):
        for how in ("hang", "spin"):
            text = self.extract(self.dir / how, None, "embeddings.decode_timeout=3", "embeddings.max_failed_fraction=0.5", ranks=2,
                                BALR_FAULT=f"{how}@decode:v01/s2.wav")
            self.assertEqual(list(failures(self.dir / how)), ["v01/s2"], text)
            self.assertIn("did not end within 3 s", failures(self.dir / how)["v01/s2"])

    def test_a_file_that_crashes_the_network_costs_its_row(self):
        """The first crash makes it a suspect, the second one, while it is computed alone, the culprit; then the run goes on."""
        for ranks in (0, 2):
            out = self.dir / str(ranks)
            env = {"BALR_FAULT": "segv@network:v02/s3.wav"}
            for attempt in range(2):
                self.extract(out, ranks=ranks, expect=None, **env)
                self.assertFalse((out / "embeddings.h5").exists())
                noted = [line.decode() for journal in (out / "parts").glob("journal-*")
                         for line in journal.read_bytes().splitlines() if line.startswith((b"!", b"1"))]
                self.assertEqual(sorted(noted), ["! 13 14"] if attempt == 0 else ["! 13 14", "! 13 14", "1 13 14"])
            text = self.extract(out, None, "embeddings.max_failed_fraction=0.5", ranks=ranks, **env)
            self.assertEqual(list(failures(out)), ["v02/s3"], text)
            self.assertIn("crashed: the network crashed", failures(out)["v02/s3"])
            with h5py.File(out / "embeddings.h5") as store:
                self.assertEqual(np.isfinite(store["embeddings"][:]).all(axis=1).sum(), 19)

    def test_a_crash_that_does_not_come_again_marks_nobody(self):
        out = self.dir / "out"
        self.extract(out, expect=None, BALR_FAULT="abort@network:v02/s3.wav")
        text = self.extract(out, ranks=2)
        self.assertIn("the network crashed on 1 rows in earlier runs: computing each alone", text)
        self.assertEqual(failures(out), {})
        self.extract(self.dir / "once")
        self.assertEqual(datasets(out), datasets(self.dir / "once"))

    def test_kill_in_the_network_marks_nobody(self):
        out = self.dir / "out"
        for _ in range(3):  # also while what was in work before might be computed alone
            self.extract(out, expect=None, BALR_FAULT="kill@network:v01/s2.wav")
        self.extract(out)
        self.assertEqual(failures(out), {})

    def test_kill_marks_nobody(self):
        out = self.dir / "out"
        process = start(*self.arguments(out), ranks=2, BALR_FAULT="hang@decode:v01/s2.wav")
        wait_for(lambda: any(b"+ 7 8" in p.read_bytes() for p in (out / "parts").glob("journal-*")), what="the row in a journal")
        kill_session(process)
        text = self.extract(out)
        self.assertIn("trying each in a process of its own", text)
        self.assertEqual(failures(out), {})


class Refused(ResumeTestCase):
    corpus = dict(speakers=4, sentences=4)

    def half(self, out, data=None):
        """A folder with some parts in it."""
        self.extract(out, data, expect=None, BALR_FAULT="kill@extract.merge:0")
        self.assertTrue(list((out / "parts").glob("*.h5")))

    def test_parts_of_another_input_model_or_configuration(self):
        out = self.dir / "out"
        self.half(out)
        before = sorted(p.name for p in (out / "parts").glob("*.h5"))
        other = self.dir / "other.csv"
        rows = list(csv.reader(self.csv.read_text().splitlines()))
        write_csv(other, rows[0], [(i, self.csv.parent / a, s) for i, a, s in rows[2:]])
        model = self.dir / "model"
        run("model", "init", model, "--audio", self.csv, "--model", "ResNet18", "--seed", "5")
        for arguments in ((other,), (None, "data.normalize_var=true"), (None, f"embeddings.model.model_repo={model}")):
            self.assertIn("--force", self.extract(out, *arguments, expect=65))
        with h5py.File(next((out / "parts").glob("*.h5")), "r+") as part:
            part.attrs["format_version"] = 1
        self.assertIn("format version 1", self.extract(out, expect=65))
        self.assertEqual(sorted(p.name for p in (out / "parts").glob("*.h5")), before)

    def test_a_second_run_is_refused_by_name(self):
        out = self.dir / "out"
        first = start(*self.arguments(out), BALR_FAULT="hang@decode:v01/s2.wav", SLURM_JOB_ID="4711")
        self.addCleanup(lambda: first.poll() is None and kill_session(first))
        wait_for(lambda: (out / ".balr-lease").exists() and list((out / "parts").glob("journal-*")), what="the first run")
        text = self.extract(out, expect=2)
        pid = rank_processes(first.pid)[0]
        for said in (f"process {pid}", os.uname().nodename, "job 4711"):
            self.assertIn(said, text)
        kill_session(first)
        self.extract(out)  # the stale lease is taken over

    def test_a_full_disk_ends_the_run_and_a_larger_one_lets_it_go_on(self):
        """A tmpfs that grows from run to run: 74 each time, until it is large enough."""
        script = """
            mount -t tmpfs -o size=24k tmpfs "$DISK" || exit 99
            for size in 24 48 72 96 120 144 168 192 256 512 1024; do
                mount -o remount,size=${size}k "$DISK"
                "$@" >"$LOG" 2>&1; code=$?
                echo "$size $code"
                [ "$code" = 0 ] && exec cp "$DISK/out/embeddings.h5" "$KEEP"
                [ "$code" = 74 ] && grep -q "No space left on device" "$LOG" || { cat "$LOG"; exit 98; }
                [ -e "$DISK/out/embeddings.h5" ] && exit 97
            done"""
        (self.dir / "disk").mkdir()
        (self.dir / "kept").mkdir()
        line = ["unshare", "-m", *([] if os.geteuid() == 0 else ["-r"]), "bash", "-c", script, "-",
                *command(self.arguments(self.dir / "disk" / "out"))]
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(
            DISK=self.dir / "disk", LOG=self.dir / "log", KEEP=self.dir / "kept" / "embeddings.h5"))
        if done.returncode == 99 or "unshare" in done.stdout:
            self.skipTest("this machine lets nobody mount a tmpfs")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreaterEqual(done.stdout.count(" 74"), 2, done.stdout)
        self.assertEqual(datasets(self.dir / "kept"), self.whole())

    def test_a_write_that_fails_ends_the_run(self):
        text = self.extract(self.dir / "other", expect=74, BALR_FAULT="full@extract.publish:0")
        self.assertIn("No space left on device", text)
        self.extract(self.dir / "other")
        self.assertEqual(datasets(self.dir / "other"), self.whole())

    def test_a_read_only_target_leaves_everything_as_it_was(self):
        """A read-only bind mount, which stops root too: nothing there, half a run, and a finished one that --force would replace."""
        def content(folder):
            return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
        target = self.dir / "target"
        (target / "nothing").mkdir(parents=True)
        self.half(target / "half")
        self.extract(target / "finished")
        before = content(target)
        script = """
            mount --bind "$TARGET" "$TARGET" && mount -o remount,ro,bind "$TARGET" || exit 99
            touch "$TARGET/x" 2>/dev/null && exit 98
            exec "$@" """
        for name, more in (("nothing", ()), ("half", ()), ("finished", ("--force",)), ("deep/er", ())):
            for ranks in (0, 2):
                line = ["unshare", "-m", *([] if os.geteuid() == 0 else ["-r"]), "bash", "-c", script, "-",
                        *command(self.arguments(target / name, None, *more), ranks)]
                done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      env=environment(TARGET=target))
                if done.returncode == 99 or "unshare:" in done.stdout:
                    self.skipTest("this machine lets nobody mount a folder read-only")
                self.assertEqual(done.returncode, 74, done.stdout)
                self.assertIn("Read-only file system", done.stdout)
                self.assertIn(str(target), done.stdout)
                self.assertEqual(content(target), before)
        self.extract(target / "half")
        self.assertEqual(datasets(target / "half"), datasets(target / "finished"))

    def test_runs_that_start_together_on_one_folder(self):
        """One does the work; the others are refused, or find it done."""
        for attempt in range(by_level(1, 2, 10)):
            out = self.dir / f"together{attempt}"
            runs = [start(*self.arguments(out), ranks=ranks, log=self.dir / f"log{i}") for i, ranks in enumerate((0, 0, 2))]
            codes = [process.wait(timeout=120) for process in runs]
            texts = [(self.dir / f"log{i}").read_text() for i in range(3)]
            self.assertTrue(set(codes) <= {0, 2} and 0 in codes, texts)
            for code, text in zip(codes, texts):
                if code == 2:
                    self.assertIn(os.uname().nodename, text)
            self.assertEqual(datasets(out), self.whole())

    def test_a_target_that_cannot_be_written(self):
        (self.dir / "file").write_text("not a folder")
        for out in (Path("/proc/balr"), self.dir / "file" / "out"):
            text = self.extract(out, expect=74)
            self.assertIn(str(out), text)


class Reuse(ResumeTestCase):
    corpus = dict(speakers=4, sentences=4)

    def test_rows_whose_file_is_unchanged_are_taken_over(self):
        rows = list(csv.reader(self.csv.read_text().splitlines()))[1:]
        folder = self.dir / "audio"
        shutil.copytree(self.csv.parent, folder)
        old = write_csv(self.dir / "old.csv", ("id", "audio", "speaker"), [(i, folder / a, s) for i, a, s in rows])
        self.extract(self.dir / "old", old)
        # One is touched, one has other content, one other id; three are new, in front.
        os.utime(folder / rows[0][1], ns=(1, 1))
        write_wav(folder / rows[1][1], voice(9, 9, 1.0))
        for i in range(3):
            write_wav(folder / f"new{i}.wav", voice(7, i, 1.0))
        new_rows = [(f"new{i}", folder / f"new{i}.wav", "n") for i in range(3)]
        new_rows += [(i if i != rows[2][0] else "renamed", folder / a, s) for i, a, s in rows]
        new = write_csv(self.dir / "new.csv", ("id", "audio", "speaker"), new_rows)
        text = self.extract(self.dir / "new", new, "--reuse", self.dir / "old", ranks=2)
        self.assertIn(f"{len(rows) - 3} reused", text)
        self.extract(self.dir / "fresh", new)
        self.assertEqual(datasets(self.dir / "new"), datasets(self.dir / "fresh"))
        for name in ("sources.csv", "metadata.csv"):
            self.assertEqual((self.dir / "new" / name).read_text(), (self.dir / "fresh" / name).read_text())
        # Of another model or configuration, or of none.
        self.assertIn("another model or configuration", self.extract(
            self.dir / "x", new, "--reuse", self.dir / "old", "data.normalize_var=true", expect=65))
        self.assertIn("lacks", self.extract(self.dir / "x", new, "--reuse", self.dir, expect=65))


class Seen(ResumeTestCase):
    corpus = dict(speakers=3, sentences=4)

    def test_status_and_progress(self):
        out = self.dir / "out"
        self.extract(out, ranks=2)
        progress = json.loads((out / "progress.json").read_text())
        self.assertEqual((progress["done"], progress["failed"], progress["total"], progress["unit"]), (12, 0, 12, "rows"))
        self.assertGreater(progress["per_second"], 0)
        self.assertEqual(sorted(progress["busy"]), ["decode", "features", "network", "write"])
        for share in progress["busy"].values():
            self.assertTrue(0 <= share <= 1.01, progress)
        self.assertGreater(progress["busy"]["network"], progress["busy"]["decode"])
        text = run("status", out)
        self.assertIn("state: complete\n", text)
        self.assertIn("busy.network: ", text)
        self.assertEqual(field(out, "total"), "12")
        self.assertIn("choose one of", run("status", out, "--field", "none", expect=2))
        self.assertIn("run.json", run("status", self.dir, expect=65))

    def test_the_summary_names_what_matters(self):
        folder = self.dir / "corpus"
        write_wav(folder / "phone.wav", voice(1, 1, 1.5, rate=8000), rate=8000)
        write_wav(folder / "brief.wav", voice(1, 2, 0.5))
        write_wav(folder / "fine.wav", voice(1, 3, 1.5))
        data = write_csv(folder / "x.csv", ("id", "audio"), [(n, f"{n}.wav") for n in ("phone", "brief", "fine", "gone")])
        text = self.extract(self.dir / "out", data, expect=65)
        for said in ("1 rows failed (1 missing)", "1 rows come from files below 16 kHz", "1 rows are shorter than 1 s"):
            self.assertIn(said, text)
        self.assertEqual(field(self.dir / "out", "counts.failed_missing"), "1")
        self.assertEqual(field(self.dir / "out", "counts.below_16_khz"), "1")
        self.assertEqual(field(self.dir / "out", "counts.shorter_than_1_s"), "1")

    def test_verify(self):
        out = self.dir / "out"
        self.extract(out)
        self.assertIn("12 rows of 256 values, 12 ok", run("verify", out))
        self.assertIn("all is well", run("verify", out / "embeddings.h5"))
        with h5py.File(out / "embeddings.h5") as store:
            place = store["embeddings"].id.get_offset() + 1000
        content = bytearray((out / "embeddings.h5").read_bytes())
        content[place] ^= 1
        (out / "embeddings.h5").write_bytes(content)
        self.assertIn("the checksum of its /embeddings is wrong", run("verify", out, expect=65))
        (out / "embeddings.h5").write_bytes(content[:-100])
        run("verify", out, expect=65)
        self.assertIn("no store", run("verify", self.dir, expect=65))

    def test_neither_needs_libtorch_or_mpi(self):
        for program in ("balr", "balr-files", "balr-decode"):
            libraries = subprocess.run(["ldd", BUILD / program], capture_output=True, text=True, check=True).stdout
            for library in ("libtorch", "libmpi", "libcuda"):
                self.assertNotIn(library, libraries, program)


if __name__ == "__main__":
    main()
