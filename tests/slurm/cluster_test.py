"""balr and its job scripts on a real Slurm with two nodes: started, stopped, killed, requeued and carried on.

Every test ends in the bytes of a run that nothing disturbed.
"""
import hashlib
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pipeline"))
import numpy as np  # noqa: E402

import cluster  # noqa: E402
from harness import BALR, BUILD, SOURCE, ModelTestCase, main, run, voice, wait_for, write_csv, write_wav  # noqa: E402

SCRIPTS = SOURCE / "slurm"
ROOT_MAY = dict(OMPI_ALLOW_RUN_AS_ROOT=1, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, OMPI_MCA_btl_vader_single_copy_mechanism="none",
                OMPI_MCA_mpi_yield_when_idle=1)
# Four ranks on two nodes without GPUs, each waiting for memory and cores of the test machine only.
SMALL = ("--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=1", "--gpus-per-node=0")
TRAIN = ("trainer.losses=[mse]", "data.N_classes_per_batch=4", "data.M_samples_per_class=2", "data.batch_size=8")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def balr_processes():
    """The computing processes of this build on this machine: (pid, node it believes to be on, rank)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(BUILD / "balr-compute") in os.readlink(folder / "exe"):
                env = (folder / "environ").read_bytes().split(b"\0")
                node = [v[15:].decode() for v in env if v.startswith(b"SLURMD_NODENAME=")]
                rank = [v[13:].decode() for v in env if v.startswith(b"SLURM_PROCID=")]
                if node and rank:
                    found.append((int(folder.name), node[0].lstrip("="), int(rank[0])))
        except (OSError, ValueError):
            continue
    return found


def process_of_rank(rank):
    wait_for(lambda: any(r == rank for _, _, r in balr_processes()), what=f"rank {rank}")
    return next(pid for pid, _, r in balr_processes() if r == rank)


@cluster.needs_slurm
class OnACluster(ModelTestCase):
    """A cluster, synthetic voices, a model, a long list (the same voices many times) and what undisturbed runs make of it."""

    repeats = 40  # 32 files, 1,280 rows: some 30 s for four ranks

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.slurm = cluster.Cluster(cls.shared / "cluster")
        cls.addClassCleanup(cls.slurm.stop)
        cls.slurm.start()
        rows = [line.split(",") for line in cls.csv.read_text().splitlines()[1:]]
        folder = cls.csv.parent
        cls.long = write_csv(cls.shared / "long.csv", ("id", "audio", "speaker"),
                             [(f"{i}-{k}", folder / audio, speaker) for k in range(cls.repeats) for i, audio, speaker in rows])
        cls.short = write_csv(cls.shared / "short.csv", ("id", "audio", "speaker"),
                              [(i, folder / audio, speaker) for i, audio, speaker in rows])
        run("extract", "--save-dir", cls.shared / "whole", cls.long, f"embeddings.model.model_repo={cls.model}", ranks=2)
        run("extract", "--save-dir", cls.shared / "small", cls.short, f"embeddings.model.model_repo={cls.model}")
        cls.whole = sha256(cls.shared / "whole" / "embeddings.h5")

    def srun(self, *words, check=True, mpi="pmix", tasks=4, **env):
        return self.slurm.run("srun", "-N2", f"-n{tasks}", f"--mpi={mpi}", BALR, *words, check=check, **(ROOT_MAY | env))

    def extract_arguments(self, out, table=None):
        return ("extract", "--save-dir", out, table or self.long, f"embeddings.model.model_repo={self.model}")

    def submit(self, script, *arguments, options=(), **env):
        """Submits a script of slurm/ for four ranks on two nodes; returns the job's number."""
        settings = dict(BALR=BALR, DEVICE="cpu", MARGIN=0, BALR_SLURM=SCRIPTS, MODEL=self.model) | ROOT_MAY | env
        return self.slurm.run("sbatch", "--parsable", "--time=10", f"--output={self.dir}/%x-%j.out", *SMALL, *options,
                              SCRIPTS / script, *arguments, **settings)

    def output(self, job):
        return "\n".join(file.read_text(errors="replace") for file in self.dir.glob(f"*-{job}.out"))

    def ended(self, job, state="COMPLETED", timeout=240):
        fields = self.slurm.wait(job, timeout=timeout)
        self.assertEqual(fields["JobState"], state, self.output(job))
        return fields

    def parts(self, out):
        return len(list((out / "parts").glob("part-*.h5")))

    def same_as_undisturbed(self, out):
        self.assertEqual(sha256(out / "embeddings.h5"), self.whole)


class Srun(OnACluster):
    def test_extract_and_train_on_two_nodes(self):
        out, trained = self.dir / "out", self.dir / "trained"
        self.srun(*self.extract_arguments(out, self.short))
        self.assertEqual(sha256(out / "embeddings.h5"), sha256(self.shared / "small" / "embeddings.h5"))
        self.srun("train", "--save-dir", trained, out, out, "trainer.epochs=5", *TRAIN)
        alone = self.dir / "alone"
        run("train", "--save-dir", alone, out, out, "trainer.epochs=5", *TRAIN)
        self.assertEqual(sha256(trained / "last.pt"), sha256(alone / "last.pt"))

    def test_a_wrong_mpi_is_refused_in_one_sentence(self):
        code, text = self.srun(*self.extract_arguments(self.dir / "out", self.short), check=False, mpi="none")
        self.assertNotEqual(code, 0)
        lines = [line for line in text.splitlines() if line.startswith("error:")]
        self.assertEqual(len(lines), 1, text)
        self.assertIn("--mpi=pmix", lines[0])
        self.assertFalse((self.dir / "out").exists())

    def test_two_runs_on_one_folder(self):
        out = self.dir / "out"
        first = self.submit("extract.sbatch", INPUT=self.long, SAVE_DIR=out, options=("--nodes=1", "--ntasks-per-node=1"))
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        code, text = self.slurm.run("srun", "-N1", "-n1", "--mpi=pmix", "--immediate=60", BALR, *self.extract_arguments(out), check=False, **ROOT_MAY)
        self.assertNotEqual(code, 0)
        self.assertIn(f"job {first}", text)
        self.slurm.run("scancel", first)

    def test_doctor_on_two_nodes(self):
        text = self.srun("doctor", "--save-dir", self.dir / "results")
        self.assertIn("no fault found", text)
        self.assertIn("known values are right on 4 ranks", text)
        self.assertIn("KillWait", text)
        for node in cluster.NODES:
            self.assertIn(f"folder on {node}", text)


class DeadAndStuckRanks(OnACluster):
    def test_kill_9_of_one_rank_ends_all_and_a_rerun_completes(self):
        out = self.dir / "out"
        step = self.start_step(out)
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        os.kill(process_of_rank(2), signal.SIGKILL)
        self.assertNotEqual(step.wait(timeout=60), 0)
        wait_for(lambda: not balr_processes(), 30, "the end of all ranks")
        self.assertFalse((out / "embeddings.h5").exists())
        self.srun(*self.extract_arguments(out))
        self.same_as_undisturbed(out)

    def test_a_stopped_rank_is_named_by_the_watchdog(self):
        out = self.dir / "out"
        log = self.dir / "log"
        step = self.start_step(out, "watchdog_seconds=5", log=log)
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        os.kill(process_of_rank(1), signal.SIGSTOP)
        self.assertNotEqual(step.wait(timeout=90), 0)
        self.assertIn("rank 1", log.read_text())
        wait_for(lambda: not balr_processes(), 30, "the end of all ranks")

    def start_step(self, out, *more, log=None):
        with open(log or os.devnull, "w") as file:
            return subprocess.Popen(["srun", "-N2", "-n4", "--mpi=pmix", "--kill-on-bad-exit=1", *map(str, (BALR, *self.extract_arguments(out), *more))],
                                    env=self.slurm.env | {k: str(v) for k, v in ROOT_MAY.items()}, stdout=file, stderr=file)


class JobScripts(OnACluster):
    def test_pipeline_to_the_end(self):
        small = " ".join((*SMALL, "--time=10"))
        text = self.slurm.run(SCRIPTS / "pipeline.sh", "trainer.epochs=3", *TRAIN, DEV=self.short, TEST=self.short, OUT=self.dir / "results",
                              MODEL=self.model, BALR=BALR, DEVICE="cpu", EXTRACT_ARGS=small, TRAIN_ARGS=small, **ROOT_MAY)
        job = text.splitlines()[-1].split()[1]
        self.ended(job)
        self.assertTrue((self.dir / "results" / "train" / "best.pt").exists())
        self.assertEqual(sha256(self.dir / "results" / "dev" / "embeddings.h5"), sha256(self.shared / "small" / "embeddings.h5"))

    def test_usr2_to_one_rank_stops_all_and_the_job_requeues_itself(self):
        out = self.dir / "out"
        job = self.submit("extract.sbatch", INPUT=self.long, SAVE_DIR=out)
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        os.kill(process_of_rank(3), signal.SIGUSR2)
        fields = self.ended(job)
        self.assertEqual(fields["Restarts"], "1", self.output(job))
        self.same_as_undisturbed(out)

    # One minute is the shortest limit of Slurm; it warns up to a minute early, so a run gets some 15 s.
    limit = ("--time=1", "--signal=USR2@45")

    def test_a_time_limit_shorter_than_a_part_requeues_extraction_until_it_is_done(self):
        alone = self.dir / "alone"
        one_rank = ("--nodes=1", "--ntasks-per-node=1", *self.limit)  # which claims a whole part at a time
        for seconds in (60, 240, 960):  # of speech in a row: some 20 s a part of 8 rows; again if the machine was faster than that
            table, out = self.long_files(seconds), self.dir / f"out{seconds}"
            job = self.submit("extract.sbatch", INPUT=table, SAVE_DIR=out, options=one_rank)
            fields = self.ended(job, timeout=900)
            if int(fields["Restarts"]) >= 2:  # at least twice in two parts: in the middle of one
                break
        self.assertGreaterEqual(int(fields["Restarts"]), 2, self.output(job))
        run("extract", "--save-dir", alone, table, f"embeddings.model.model_repo={self.model}", ranks=2)
        self.assertEqual(sha256(out / "embeddings.h5"), sha256(alone / "embeddings.h5"))

    def long_files(self, seconds):
        """A list of two parts of 8 rows, each a file of so many seconds."""
        rows = []
        for row in range(16):
            path = self.dir / f"long{seconds}" / f"{row % 4}.wav"
            if row < 4:
                speech = voice(row, 0, 6)
                write_wav(path, np.tile(speech, -(-seconds // 6)))
            rows.append((str(row), path, f"v{row % 4}"))
        return write_csv(self.dir / f"long{seconds}.csv", ("id", "audio", "speaker"), rows)

    def test_a_time_limit_requeues_training_until_it_is_done(self):
        alone, data = self.dir / "alone", self.shared / "small"
        for seconds in (40, 160, 640):  # longer if the machine was faster than when it was measured
            epochs, out = self.epochs_of(seconds, data), self.dir / f"out{seconds}"
            job = self.submit("train.sbatch", f"trainer.epochs={epochs}", *TRAIN, TRAIN=data, VAL=data, SAVE_DIR=out, options=self.limit)
            fields = self.ended(job, timeout=900)
            if int(fields["Restarts"]) >= 1:
                break
        self.assertGreaterEqual(int(fields["Restarts"]), 1, self.output(job))
        run("train", "--save-dir", alone, "--config-name", "recipe", data, data, f"trainer.epochs={epochs}", *TRAIN)
        self.assertEqual(sha256(out / "last.pt"), sha256(alone / "last.pt"))
        self.assertEqual((out / "history.csv").read_bytes(), (alone / "history.csv").read_bytes())

    def epochs_of(self, seconds, data):
        """How many epochs take so long, on the ranks and nodes of the test."""
        probe = self.dir / f"probe{seconds}"
        begin = time.monotonic()
        self.srun("train", "--save-dir", probe, "--config-name", "recipe", data, data, "trainer.epochs=200", *TRAIN)
        return max(200, int(200 * seconds / (time.monotonic() - begin)))

    def test_a_cancelled_job_stays_cancelled_and_a_new_one_goes_on(self):
        out = self.dir / "out"
        job = self.submit("extract.sbatch", INPUT=self.long, SAVE_DIR=out)
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        self.slurm.run("scancel", job)
        self.ended(job, "CANCELLED")
        wait_for(lambda: not balr_processes(), 30, "the end of all ranks")
        done = self.parts(out)
        again = self.submit("extract.sbatch", INPUT=self.long, SAVE_DIR=out, options=("--nodes=1", "--ntasks-per-node=1"))
        self.ended(again)
        self.assertEqual(self.slurm.job(job)["JobState"], "CANCELLED")
        self.assertGreater(done, 0)
        self.same_as_undisturbed(out)

    def test_requeued_onto_the_other_node_it_takes_its_own_lease_over(self):
        out = self.dir / "out"
        job = self.submit("extract.sbatch", INPUT=self.long, SAVE_DIR=out, options=("--nodes=1", "--ntasks-per-node=1"))
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        node = self.slurm.job(job)["NodeList"]
        self.slurm.run("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
        self.addCleanup(self.slurm.run, "scontrol", "update", f"nodename={node}", "state=resume", check=False)
        self.slurm.run("scontrol", "requeue", job)
        fields = self.ended(job)
        self.assertNotEqual(fields["NodeList"], node)
        self.assertEqual(fields["Restarts"], "1")
        # srun says "Waiting up to 7 seconds" when the first start is ended; balr must not wait for its own lease.
        ours = [line for line in self.output(job).splitlines() if not line.startswith(("srun:", "slurmstepd"))]
        self.assertNotIn("waiting", "\n".join(ours).lower())
        self.same_as_undisturbed(out)

    def test_a_node_that_goes_down(self):
        out = self.dir / "out"
        job = self.submit("extract.sbatch", INPUT=self.long, SAVE_DIR=out, options=("--nodes=1", "--ntasks-per-node=2"))
        wait_for(lambda: self.parts(out) > 0, 120, "a part")
        node = self.slurm.job(job)["NodeList"]
        self.addCleanup(self.slurm.revive_node, node)
        self.slurm.kill_node(node)
        # Slurm finds out by itself after SlurmdTimeout; it is told here. A node that still answers would return to service.
        self.slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        fields = self.ended(job)
        self.assertEqual(fields["Restarts"], "1")
        self.assertNotEqual(fields["NodeList"], node)
        self.same_as_undisturbed(out)


if __name__ == "__main__":
    main()
