"""However NCCL fails on a rank, all ranks end, with the documented exit code, and the message names rank and host."""
import os
import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
HOST = os.uname().nodename
RANKS = 3


def run(what, rank, watchdog):
    start = ["mpirun", "-n", str(RANKS), "--oversubscribe", "--bind-to", "none"]
    return subprocess.run([*start, PROGRAM, what, str(rank), str(watchdog)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)


class NcclFaults(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        """Ranks that were ended before they met leave the name of their shared memory."""
        for name in os.listdir("/dev/shm"):
            owner = re.fullmatch(r"balr-nccl-double-(\d+)-\d+", name)
            if owner and not os.path.exists(f"/proc/{owner[1]}"):
                os.unlink(f"/dev/shm/{name}")

    def ends(self, what, rank, code, *says, watchdog=0):
        with self.subTest(what=what, rank=rank):
            done = run(what, rank, watchdog)
            self.assertEqual(done.returncode, code, done.stdout)
            for text in says:
                self.assertIn(text, done.stdout)

    def test_a_run_without_a_fault(self):
        done = run("none", 0, 60)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count("is through"), RANKS, done.stdout)

    # Without a watchdog: the error alone ends the run.
    def test_an_error_at_the_start(self):
        for what, rank in (("start_returned", 0), ("start_later", 2)):
            self.ends(what, rank, 70, f"error on rank {rank} ({HOST}): NCCL failed in 'nccl start': unhandled system error")

    def test_an_error_in_an_operation(self):
        for what, rank, says in (("reduce_returned", 0, "unhandled system error"), ("reduce_later", 2, "remote process exited")):
            self.ends(what, rank, 70, f"error on rank {rank} ({HOST}): NCCL failed in 'gradients': {says}")

    # Nobody says anything: the watchdog ends it.
    def test_an_operation_that_never_ends(self):
        self.ends("start_stuck", 1, 71, "'nccl start'", watchdog=4)
        self.ends("reduce_stuck", 1, 71, "'the ring of losses'", watchdog=4)

    def test_a_rank_that_does_not_join(self):
        for rank in (0, 1):
            self.ends("absent", rank, 71, "'the ring of losses'", f"rank {rank} on {HOST}", watchdog=4)

    def test_a_rank_that_is_killed(self):
        done = run("die", 1, 0)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("is through", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
