"""What goes wrong ends quickly, in one sentence, with the documented exit code, and leaves nothing half-written."""
import os
import signal
import subprocess
from pathlib import Path

from harness import (BALR, BUILD, ModelTestCase, kill_session, main, make_corpus, rank_processes, run, start, wait_for,
                     write_csv)


class FailureTestCase(ModelTestCase):
    corpus = dict(speakers=4, sentences=3)

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.repo = f"embeddings.model.model_repo={cls.model}"


class BadInput(FailureTestCase):
    def refused(self, code, says, *arguments, ranks=0):
        out = self.dir / "out"
        text = run("extract", "--save-dir", out, *arguments, expect=code, ranks=ranks)
        self.assertIn(says, text)
        errors = [line for line in text.splitlines() if "error" in line.lower()]
        self.assertEqual(len(errors), 1, text)
        self.assertFalse(out.exists(), "something was left behind")

    def test_a_csv_without_audio(self):
        data = write_csv(self.dir / "x.csv", ("name", "speaker"), [("a", "b")])
        self.refused(65, "audio", data, self.repo)

    def test_a_csv_with_ids_but_no_audio(self):
        data = write_csv(self.dir / "x.csv", ("id", "speaker"), [("a", "b")])
        self.refused(65, "audio", data, self.repo)

    def test_an_unknown_key(self):
        self.refused(2, "embeddings.model.model_repo", self.csv, "embeddings.model.model_rep=x")

    def test_a_missing_input(self):
        self.refused(2, "does not exist", self.dir / "none.csv", self.repo)

    def test_a_missing_model(self):
        self.refused(2, "none", self.csv, f"embeddings.model.model_repo={self.dir}/none")

    def test_a_model_of_another_kind(self):
        (self.dir / "model").mkdir()
        (self.dir / "model" / "avg_model.pt").write_bytes(b"PK\x03\x04 not really")
        (self.dir / "model" / "config.yaml").write_bytes((self.model / "config.yaml").read_bytes())
        self.refused(65, "avg_model.pt", self.csv, f"embeddings.model.model_repo={self.dir}/model")

    def test_errors_are_said_once_on_many_ranks(self):
        data = write_csv(self.dir / "x.csv", ("name", "speaker"), [("a", "b")])
        self.refused(65, "audio", data, self.repo, ranks=3)

    def test_the_front_program_does_without_libtorch(self):
        libraries = subprocess.run(["ldd", BALR], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("torch", libraries)
        self.assertIn("extract", run("--help"))
        run("extract", expect=2)
        run("nonsense", expect=2)

    def test_an_installation_works(self):
        subprocess.run(["cmake", "--install", BUILD, "--prefix", self.dir / "inst"], check=True, capture_output=True)
        program = self.dir / "inst" / "bin" / "balr"
        text = subprocess.run([program, "extract", "--save-dir", self.dir / "out", self.csv, self.repo], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(text.returncode, 0, text.stdout)
        self.assertTrue((self.dir / "out" / "embeddings.h5").is_file())


class Ranks(FailureTestCase):
    def begin(self, name, **env):
        big = make_corpus(self.dir / "corpus", speakers=10, sentences=12, seconds=(8, 10))
        self.out, self.log = self.dir / name, self.dir / f"{name}.log"
        process = start("extract", "--save-dir", self.out, big, self.repo, "num_threads=1", "watchdog_seconds=5", ranks=3,
                        log=self.log, **env)
        self.addCleanup(lambda: process.poll() is None and kill_session(process))
        return process

    def test_a_rank_that_stops_answering_is_named(self):
        for stopped in (1, 0):
            process = self.begin(f"stop{stopped}")
            wait_for(lambda: list((self.out / "parts").glob("part-*")), what="a finished part")
            pids = {}
            for pid in rank_processes(process.pid):
                env = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                pids.update({int(v.split(b"=")[1]): pid for v in env if v.startswith((b"OMPI_COMM_WORLD_RANK=", b"PMI_RANK="))})
            os.kill(pids[stopped], signal.SIGSTOP)
            code = process.wait(timeout=90)
            text = self.log.read_text()
            self.assertEqual(code, 71, text)
            self.assertIn(f"rank {stopped}", text)
            self.assertIn(os.uname().nodename, text)
            for pid in rank_processes(process.pid):
                os.kill(pid, signal.SIGKILL)

    def test_an_exception_on_one_rank_ends_all(self):
        for rank in (1, 0):
            process = self.begin(f"throw{rank}", BALR_FAULT=f"throw@extract.publish:{rank}")
            wait_for(lambda: "BALR_FAULT" in self.log.read_text(), what="the error")
            code = process.wait(timeout=20)  # the others were in the middle of their work
            text = self.log.read_text()
            self.assertEqual(code, 70, text)
            self.assertIn(f"rank {rank}", text)


if __name__ == "__main__":
    main()
