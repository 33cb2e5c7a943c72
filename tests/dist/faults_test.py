"""However a rank fails, all ranks end within seconds, with the documented exit code, and the message names rank and host."""
import os
import re
import signal
import subprocess
import sys
import time
import unittest

PROGRAM = sys.argv.pop(1)
MPIRUN = os.environ.get("BALR_MPIRUN", "mpirun --oversubscribe --bind-to none").split()
HOST = os.uname().nodename
SECONDS = 15  # to the end of a run, the watchdog's 2 s and the launcher's start and end included


def line(what, rank, ranks=3, watchdog=2):
    start = [*MPIRUN, "-n", str(ranks)] if ranks else []
    return [*start, PROGRAM, what, str(rank), str(watchdog)]


def ended(pid, seconds):
    """Whether the process is gone, or a zombie that nobody has collected, within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


class Faults(unittest.TestCase):
    def ends(self, what, rank, code, *says, ranks=3, env=None):
        begin = time.monotonic()
        done = subprocess.run(line(what, rank, ranks), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, env=dict(os.environ, **(env or {})))
        took = time.monotonic() - begin
        self.assertEqual(done.returncode, code, done.stdout)
        for text in says:
            self.assertIn(text, done.stdout)
        self.assertLess(took, SECONDS, done.stdout)
        return done.stdout

    def test_a_run_without_a_fault(self):
        for ranks in (0, 1, 3):
            self.ends("none", 0, 0, ranks=ranks)

    def test_an_exception_on_one_rank(self):
        for rank in (0, 2):
            self.ends("throw", rank, 70, f"rank {rank} ({HOST})", "a fault that nobody caught")

    def test_an_exception_without_mpirun(self):
        self.ends("throw", 0, 70, "a fault that nobody caught", ranks=0)

    def test_an_exception_that_passes_the_world(self):
        for rank in (0, 1):
            self.ends("unwind", rank, 70, f"rank {rank} ({HOST})")
        self.ends("unwind", 0, 70, ranks=0)

    def test_a_rank_that_does_not_join(self):
        for rank in (0, 1):
            self.ends("absent", rank, 71, "'the meeting'", f"not joined by rank {rank} on {HOST}")

    def test_a_rank_that_hangs(self):
        for rank in (0, 2):
            text = self.ends("silent", rank, 71, "no sign of life", f"rank {rank} on {HOST}")
            self.assertNotIn("rank 1 on", text)

    def test_a_rank_that_is_killed(self):
        begin = time.monotonic()
        done = subprocess.run(line("die", 1), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertLess(time.monotonic() - begin, SECONDS)

    def test_a_rank_that_is_stopped(self):
        for rank in (0, 1):
            with self.subTest(rank=rank):
                self.stop_one(rank)

    def stop_one(self, rank):
        run = subprocess.Popen(line("stop", rank), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        pids, seen = {}, ""
        while len(pids) < 3:
            text = run.stdout.readline()
            seen += text
            self.assertTrue(text, seen)
            found = re.search(r"rank (\d) is pid (\d+)", text)
            if found:
                pids[int(found[1])] = int(found[2])
        time.sleep(0.5)
        begin = time.monotonic()
        os.kill(pids[rank], signal.SIGSTOP)
        try:
            text, _ = run.communicate(timeout=60)
        finally:
            left = [pid for pid in pids.values() if not ended(pid, seconds=10)]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        self.assertEqual(left, [], "ranks were left behind")
        self.assertEqual(run.returncode, 71, text)
        self.assertIn(f"rank {rank} on {HOST}", text)
        self.assertLess(time.monotonic() - begin, SECONDS, text)

    def test_processes_that_mpi_sees_alone(self):
        for name in ("SLURM_STEP_NUM_TASKS", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
            text = self.ends("none", 0, 70, "--mpi=pmix", name, ranks=0, env={name: "4"})
            self.assertEqual(len(text.strip().splitlines()), 1, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
