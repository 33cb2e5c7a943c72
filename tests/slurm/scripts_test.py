"""The job scripts against a fake Slurm: every end that a run can have, and what is submitted with which settings."""
import subprocess
import unittest

from fake_slurm import SLURM, FakeSlurm

EXTRACT = {"INPUT": "a list.csv", "SAVE_DIR": "out put", "MODEL": "org/model"}
TRAIN = {"TRAIN": "dev.csv", "VAL": "test.csv", "SAVE_DIR": "train/mse"}

COMPLETE = (0, {"state": "complete", "stop_reason": ""})
STOPPED = (75, {"state": "stopped", "stop_reason": "SIGUSR2"})
AT_THE_END = (75, {"state": "stopped", "stop_reason": "the end of the job"})
TERMINATED = (75, {"state": "stopped", "stop_reason": "SIGTERM"})
CRASHED = (139, {"state": "running", "stop_reason": ""})
FAILED = (70, {"state": "failed", "stop_reason": "ranks disagree"})
BAD_DATA = (65, {"state": "failed", "stop_reason": "too many failures"})
NEVER_STARTED = (1, None)


class ScriptCase(unittest.TestCase):
    def setUp(self):
        self.slurm = FakeSlurm()
        self.addCleanup(self.slurm.close)

    def requeues(self):
        return [call for call in self.slurm.calls("scontrol") if call[0] == "requeue"]


class EndOfARun(ScriptCase):
    def test_every_end(self):
        # (script, acts, exit status, requeued, starts of srun)
        table = [
            ("extract", [COMPLETE], 0, False, 1),
            ("train", [COMPLETE], 0, False, 1),
            ("extract", [STOPPED], 0, True, 1),
            ("train", [AT_THE_END], 0, True, 1),
            ("extract", [TERMINATED], 75, False, 1),
            ("train", [TERMINATED], 75, False, 1),
            ("extract", [CRASHED, COMPLETE], 0, False, 2),
            ("extract", [CRASHED, CRASHED, STOPPED], 0, True, 3),
            ("extract", [CRASHED] * 4, 139, False, 4),
            ("train", [CRASHED], 139, False, 1),
            ("train", [FAILED], 70, False, 1),
            ("extract", [FAILED], 70, False, 1),
            ("extract", [BAD_DATA], 65, False, 1),
            ("extract", [(2, None)], 2, False, 1),
            ("train", [(74, None)], 74, False, 1),
            ("train", [(71, {"state": "running", "stop_reason": ""})], 71, False, 1),
            ("train", [NEVER_STARTED], 1, False, 1),
            # srun succeeded, yet the run never said that it is complete.
            ("train", [(0, {"state": "running", "stop_reason": ""})], 70, False, 1),
        ]
        for script, acts, status, requeued, starts in table:
            with self.subTest(script=script, acts=acts):
                slurm = FakeSlurm()
                self.addCleanup(slurm.close)
                code, output = slurm.run(f"{script}.sbatch", acts=acts, **(EXTRACT if script == "extract" else TRAIN))
                self.assertEqual(code, status, output)
                self.assertEqual(len(slurm.calls("srun")), starts, output)
                self.assertEqual([["requeue", "7"]] if requeued else [],
                                 [call for call in slurm.calls("scontrol") if call[0] == "requeue"], output)

    def test_an_old_reason_triggers_nothing(self):
        # The run before was stopped by its limit; this one dies before it writes a state.
        self.slurm.state(job="7", restart_count="0", state="stopped", stop_reason="SIGUSR2")
        code, output = self.slurm.run("train.sbatch", acts=[NEVER_STARTED], SLURM_RESTART_COUNT=1, **TRAIN)
        self.assertEqual(code, 1, output)
        self.assertEqual(self.requeues(), [])

    def test_a_finished_run_is_complete_at_once(self):
        # Nothing to do: balr leaves the earlier job's state as it is.
        self.slurm.state(job="3", restart_count="0", state="complete", stop_reason="")
        code, output = self.slurm.run("train.sbatch", acts=[(0, None)], **TRAIN)
        self.assertEqual(code, 0, output)

    def test_the_limit_of_restarts(self):
        for restarts, requeued in ((1, True), (2, False)):
            self.slurm.stage.joinpath("calls").unlink(missing_ok=True)
            code, output = self.slurm.run("train.sbatch", acts=[STOPPED], SLURM_RESTART_COUNT=restarts,
                                          BALR_MAX_REQUEUE=2, **TRAIN)
            self.assertEqual(code, 0 if requeued else 75, output)
            self.assertEqual(bool(self.requeues()), requeued)

    def test_a_site_that_does_not_requeue(self):
        (self.slurm.stage / "requeue_status").write_text("1")
        code, output = self.slurm.run("extract.sbatch", acts=[STOPPED], **EXTRACT)
        self.assertEqual(code, 75)
        self.assertIn("chain.sh", output)

    def test_an_end_that_never_returns(self):
        # PreemptMode=CANCEL: the script dies with the job and touches nothing.
        code, _ = self.slurm.run("extract.sbatch", acts=[None], **EXTRACT)
        self.assertEqual(code, -9)
        self.assertEqual(self.requeues(), [])

    def test_in_a_chain_the_next_job_goes_on(self):
        (self.slurm.stage / "queue").write_text("8 mine\n9 another\n10 mine\n")
        code, _ = self.slurm.run("extract.sbatch", acts=[STOPPED], BALR_CHAIN="mine", **EXTRACT)
        self.assertEqual(code, 75)
        self.assertEqual(self.requeues(), [])
        self.assertEqual(self.slurm.calls("scancel"), [])
        code, _ = self.slurm.run("extract.sbatch", acts=[BAD_DATA], BALR_CHAIN="mine", **EXTRACT)
        self.assertEqual(code, 65)
        self.assertEqual(self.slurm.calls("scancel"), [["8"], ["10"]])

    def test_in_an_array_the_next_task_goes_on(self):
        code, _ = self.slurm.run("train.sbatch", acts=[STOPPED], SLURM_ARRAY_JOB_ID=5, **TRAIN)
        self.assertEqual(code, 75)
        self.assertEqual(self.requeues(), [])
        code, _ = self.slurm.run("train.sbatch", acts=[CRASHED], SLURM_ARRAY_JOB_ID=5, **TRAIN)
        self.assertEqual(code, 139)
        self.assertEqual(self.slurm.calls("scancel"), [["--state=PENDING", "5"]])


class WhatIsRun(ScriptCase):
    def test_arguments_stay_whole(self):
        self.slurm.run("extract.sbatch", "data.num_workers=4", "--force", acts=[COMPLETE], MODEL_NAME="avg_models", **EXTRACT)
        call = self.slurm.calls("srun")[0]
        program = call.index("balr")
        self.assertIn("--mpi=pmix", call[:program])
        self.assertIn("--kill-on-bad-exit=1", call[:program])
        self.assertEqual(call[program:], ["balr", "extract", "--device", "cuda", "--save-dir", "out put",
                                          "--stop-before-end", "3", "a list.csv", "embeddings.model.model_repo=org/model",
                                          "embeddings.model.model_name=avg_models", "data.num_workers=4", "--force"])

    def test_settings_are_printed_before_anything_runs(self):
        _, output = self.slurm.run("train.sbatch", acts=[COMPLETE], **TRAIN)
        self.assertLess(output.index("TRAIN=dev.csv"), output.index("== balr ended"))
        for name in ("BALR_SITE", "BALR_MPI", "SLURM_NTASKS", "SAVE_DIR=train/mse"):
            self.assertIn(name, output)

    def test_the_container_wraps_the_program_only(self):
        image = self.slurm.stage / "image.sif"
        image.write_text("")
        self.slurm.run("train.sbatch", acts=[STOPPED], BALR_CONTAINER=image, **TRAIN)
        call = self.slurm.calls("srun")[0]
        at = call.index("apptainer")
        self.assertEqual(call[at:at + 5], ["apptainer", "exec", "--nv", str(image), "balr"])
        self.assertEqual(self.slurm.calls("apptainer")[0][3:5], ["balr", "status"])

    def test_what_is_missing_is_named(self):
        for script, whole in (("extract", EXTRACT), ("train", TRAIN)):
            for name in whole:
                code, output = self.slurm.run(f"{script}.sbatch", **(whole | {name: None}))
                self.assertNotEqual(code, 0)
                self.assertIn(f"set {name} to", output)
        code, output = self.slurm.run("train.sbatch", BALR_SITE="nowhere", **TRAIN)
        self.assertEqual(code, 2)
        self.assertIn("BALR_SITE", output)
        self.assertEqual(self.slurm.calls("srun"), [])

    def test_every_site(self):
        for site in sorted((SLURM / "sites").glob("*.sh")):
            with self.subTest(site=site.name):
                code, output = self.slurm.run("train.sbatch", acts=[COMPLETE], BALR_SITE=site.stem, **TRAIN)
                self.assertEqual(code, 0, output)


class Submission(ScriptCase):
    def test_pipeline(self):
        code, output = self.slurm.run("pipeline.sh", "trainer.epochs=3", SLURM_JOB_ID=None, DEV="a.csv", TEST="b.csv",
                                      OUT=self.slurm.stage / "out", MODEL="org/model", EXTRACT_ARGS="--nodes=4 --time=9:00:00")
        self.assertEqual(code, 0, output)
        self.assertEqual(output.splitlines()[-3:], ["extract 101", "extract 102", "train 103"])
        dev, test, train = self.slurm.calls("sbatch")
        self.assertIn("--nodes=4", dev)
        self.assertIn("--time=9:00:00", test)
        self.assertNotIn("--nodes=4", train)
        self.assertIn("--dependency=afterok:101:102", train)
        self.assertIn("--kill-on-invalid-dep=yes", train)
        self.assertEqual(train[-1], "trainer.epochs=3")
        self.assertEqual(self.slurm.submitted_with(101)["INPUT"], "a.csv")
        self.assertEqual(self.slurm.submitted_with(102)["INPUT"], "b.csv")
        self.assertEqual(self.slurm.submitted_with(103)["TRAIN"], self.slurm.submitted_with(101)["SAVE_DIR"])
        self.assertEqual(self.slurm.submitted_with(103)["VAL"], self.slurm.submitted_with(102)["SAVE_DIR"])

    def test_chain(self):
        code, output = self.slurm.run("chain.sh", 3, SLURM / "train.sbatch", "--nodes=2", "--", "trainer.epochs=3",
                                      SLURM_JOB_ID=None, **TRAIN)
        self.assertEqual(code, 0, output)
        first, second, third = self.slurm.calls("sbatch")
        self.assertFalse([word for word in first if word.startswith("--dependency")])
        self.assertIn("--dependency=afterany:101", second)
        self.assertIn("--dependency=afterany:102", third)
        for call in (first, second, third):
            self.assertIn("--no-requeue", call)
            self.assertIn("--nodes=2", call)
            self.assertEqual(call[-2:], [str(SLURM / "train.sbatch"), "trainer.epochs=3"])
        names = {self.slurm.submitted_with(job)["BALR_CHAIN"] for job in (101, 102, 103)}
        self.assertEqual(len(names), 1)
        self.assertIn(f"--comment={names.pop()}", first)

    def test_chain_as_array(self):
        code, output = self.slurm.run("chain.sh", 4, SLURM / "train.sbatch", SLURM_JOB_ID=None, CHAIN="array", **TRAIN)
        self.assertEqual(code, 0, output)
        (call,) = self.slurm.calls("sbatch")
        self.assertIn("--array=1-4%1", call)

    def test_chain_refuses_nonsense(self):
        for arguments in ((), (3,), ("many", SLURM / "train.sbatch"), (0, SLURM / "train.sbatch"), (3, "nothing.sbatch")):
            code, output = self.slurm.run("chain.sh", *arguments, SLURM_JOB_ID=None)
            self.assertEqual(code, 2, output)
        self.assertEqual(self.slurm.calls("sbatch"), [])


class Local(ScriptCase):
    def test_one_process_a_gpu(self):
        self.slurm.run("local.sh", "extract", "x.csv", CUDA_VISIBLE_DEVICES="2,3")
        self.assertEqual(self.slurm.calls("mpirun"), [["-n", "2", "--bind-to", "none", "balr", "extract", "x.csv"]])
        self.slurm.run("local.sh", "train", "x", CUDA_VISIBLE_DEVICES="1")
        self.assertEqual(self.slurm.calls("balr"), [["train", "x"]])


class Style(unittest.TestCase):
    def test_shellcheck(self):
        files = [*SLURM.glob("*.sh"), *SLURM.glob("*.sbatch"), *SLURM.glob("sites/*.sh")]
        self.assertGreaterEqual(len(files), 10)
        done = subprocess.run(["shellcheck", "-x", "-S", "style", *map(str, files)], capture_output=True, text=True, cwd=SLURM)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_each_script_says_what_to_set(self):
        for script in [*SLURM.glob("*.sbatch"), SLURM / "pipeline.sh", SLURM / "chain.sh", SLURM / "local.sh"]:
            head = script.read_text().split("set -")[0]
            self.assertIn("#   ", head, f"{script.name} has no example line in its header")


if __name__ == "__main__":
    unittest.main()
