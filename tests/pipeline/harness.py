"""What the tests of the whole program share: running balr on N ranks, corpora, comparing outputs."""
import csv
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import wave
from pathlib import Path

import numpy as np

BUILD = Path(os.environ["BALR_BUILD_DIR"])
SOURCE = Path(os.environ["BALR_SOURCE_DIR"])
BALR = BUILD / "balr"
MPIRUN = os.environ.get("BALR_MPIRUN", "mpirun --oversubscribe --bind-to none").split()
LEVEL = os.environ.get("BALR_TEST_LEVEL", "quick")


def by_level(quick, ci, full):
    return {"quick": quick, "ci": ci, "full": full}[LEVEL]


def test_data():
    """The folder of reference data, or None (a stranger's clone); an error if it is required and absent."""
    folder = os.environ.get("BALR_TEST_DATA")
    if folder and (Path(folder) / "golden").is_dir():
        return Path(folder).resolve()
    if os.environ.get("BALR_REQUIRE_TEST_DATA") == "1":
        raise RuntimeError("BALR_REQUIRE_TEST_DATA=1, but BALR_TEST_DATA names no folder with golden/ in it")
    return None


def needs_test_data(test):
    reason = "BALR_TEST_DATA is not set: the reference data are not in this clone"
    return unittest.skipUnless(test_data(), reason)(test)


def command(arguments, ranks=0):
    """The command line of `balr arguments` under mpirun -n ranks; 0: without mpirun."""
    line = [str(BALR), *map(str, arguments)]
    if ranks:
        line = [*MPIRUN, "-n", str(ranks), *line]
    return line


def environment(**extra):
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", HF_HUB_OFFLINE="1")
    env.update({key: str(value) for key, value in extra.items()})
    return env


def run(*arguments, ranks=0, expect=0, timeout=300, cwd=None, **env):
    """Runs balr to its end; returns stdout + stderr. Fails the test on another exit code than `expect`."""
    done = subprocess.run(command(arguments, ranks), env=environment(**env), cwd=cwd, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"balr {' '.join(map(str, arguments))}: exit {done.returncode}, not {expect}\n{done.stdout}")
    return done.stdout


def start(*arguments, ranks=0, log=None, **env):
    """Starts balr in a process group of its own, so that kill_group reaches every rank."""
    with open(log or os.devnull, "w") as out:
        return subprocess.Popen(command(arguments, ranks), env=environment(**env), stdout=out, stderr=subprocess.STDOUT,
                                start_new_session=True)


def rank_processes(session):
    """The computing processes of a run started by start(), by pid."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
            name = text[text.index("(") + 1:text.rindex(")")]
            fields = text[text.rindex(")") + 2:].split()
        except (OSError, ValueError):
            continue
        # mpirun's ranks lead process groups of their own, but keep the session.
        if int(fields[3]) == session and name.startswith("balr"):
            found.append(int(stat.parent.name))
    return sorted(found)


def kill_session(process, how=signal.SIGKILL):
    """kill -9 of the job: mpirun and all ranks."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
            if int(text[text.rindex(")") + 2:].split()[3]) == process.pid:
                os.kill(int(stat.parent.name), how)
        except (OSError, ValueError):
            continue
    process.wait(timeout=30)


def wait_for(condition, seconds=60, what="a condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def write_wav(path, samples, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def voice(speaker, sentence, seconds, rate=16000):
    """Something with a pitch, formants and pauses: not speech, but not a constant either."""
    rng = np.random.default_rng(1000 * speaker + sentence)
    t = np.arange(int(seconds * rate)) / rate
    pitch = 90 + 12 * speaker + 10 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    signal_ = sum(np.sin(k * phase) / k * (1 + np.sin(2 * np.pi * rng.uniform(1, 5) * t + k)) for k in range(1, 20))
    return 0.1 * signal_ + 0.01 * rng.standard_normal(t.size)


def make_corpus(folder, speakers=10, sentences=4, seconds=(0.6, 1.6)):
    """A corpus of synthetic voices with its CSV; returns the CSV."""
    rows = []
    for speaker in range(speakers):
        for sentence in range(sentences):
            length = seconds[0] + (seconds[1] - seconds[0]) * ((7 * speaker + 3 * sentence) % 10) / 10
            name = f"v{speaker:02d}/s{sentence}.wav"
            write_wav(folder / name, voice(speaker, sentence, length))
            rows.append((name[:-4], name, f"v{speaker:02d}"))
    return write_csv(folder / "corpus.csv", ("id", "audio", "speaker"), rows)


def write_csv(path, header, rows):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


class TempTestCase(unittest.TestCase):
    """Each test has an empty folder `self.dir`."""

    def setUp(self):
        base = BUILD / "test-tmp"
        base.mkdir(exist_ok=True)
        self.dir = Path(tempfile.mkdtemp(dir=base))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)


class ModelTestCase(TempTestCase):
    """Adds, once a class, synthetic voices `self.csv` and a random ResNet18 `self.model`."""

    corpus = dict(speakers=8, sentences=4)

    @classmethod
    def setUpClass(cls):
        base = BUILD / "test-tmp"
        base.mkdir(exist_ok=True)
        cls.shared = Path(tempfile.mkdtemp(dir=base))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.prepare()

    @classmethod
    def prepare(cls):
        cls.csv = make_corpus(cls.shared / "corpus", **cls.corpus)
        cls.model = cls.shared / "model"
        run("model", "init", cls.model, "--audio", cls.csv, "--model", "ResNet18")


def main():
    program = unittest.main(verbosity=2, exit=False, module="__main__")
    for test, reason in program.result.skipped:  # in the form that tools/test.sh counts
        print(f"[  SKIPPED ] {type(test).__name__}.{getattr(test, '_testMethodName', 'all')}  {reason}")
    sys.exit(0 if program.result.wasSuccessful() else 1)
