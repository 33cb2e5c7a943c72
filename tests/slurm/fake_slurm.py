"""A fake Slurm for tests of the job scripts: commands on PATH that log how they were called and play a prepared part.

Each call of the fake srun takes the next act: the state that the run leaves behind and srun's exit status. An act of
None plays the end that never returns (preemption by cancelling): the fake srun kills the job script.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(os.environ["BALR_SOURCE_DIR"])
SLURM = SOURCE / "slurm"

# One program under many names; what it does depends on the name it was called by.
PROGRAM = r'''#!{python}
import json, os, signal, sys
from pathlib import Path
stage = Path({stage!r})
name, args = Path(sys.argv[0]).name, sys.argv[1:]
with open(stage / "calls", "a") as log:
    log.write(json.dumps([name, *args]) + "\n")
if name == "srun":
    acts = json.loads((stage / "acts").read_text())
    act, rest = acts[0], acts[1:]
    (stage / "acts").write_text(json.dumps(rest))
    if act is None:
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(0)
    status, fields = act
    if fields is not None:
        job = {{"job": os.environ.get("SLURM_JOB_ID", ""), "restart_count": os.environ.get("SLURM_RESTART_COUNT", "0")}}
        (stage / "state").write_text(json.dumps(job | fields))
    sys.exit(status)
if name == "balr" and args[0] == "status":
    state = stage / "state"
    if not state.exists():
        sys.exit(2)
    print(json.loads(state.read_text()).get(args[3], ""))
if name == "scontrol" and args[0] == "requeue":
    sys.exit(int((stage / "requeue_status").read_text()))
if name == "sbatch":
    count = len([1 for line in open(stage / "calls") if json.loads(line)[0] == "sbatch"])
    print(100 + count, end="")
    (stage / f"environment.{{100 + count}}").write_text(json.dumps(dict(os.environ)))
    print(";cluster" if count % 2 else "")
if name == "squeue":
    print((stage / "queue").read_text(), end="")
'''


class FakeSlurm:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.stage = Path(self.folder.name) / "a stage"
        (self.stage / "bin").mkdir(parents=True)
        (self.stage / "requeue_status").write_text("0")
        (self.stage / "queue").write_text("")
        for name in ("srun", "scontrol", "sbatch", "scancel", "squeue", "balr", "apptainer", "nvidia-smi", "mpirun"):
            file = self.stage / "bin" / name
            file.write_text(PROGRAM.format(python=sys.executable, stage=str(self.stage)))
            file.chmod(0o755)

    def close(self):
        self.folder.cleanup()

    def state(self, **fields):
        """A state file that an earlier job or start left behind."""
        (self.stage / "state").write_text(json.dumps(fields))

    def run(self, script, *arguments, acts=(), **env):
        """Runs a script of slurm/; returns (exit status, output)."""
        (self.stage / "acts").write_text(json.dumps(list(acts)))
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "BALR_", "SBATCH_"))}
        clean |= {"PATH": f"{self.stage / 'bin'}:{os.environ['PATH']}", "BALR_SLURM": str(SLURM), "SLURM_JOB_ID": "7"}
        clean |= {key: str(value) for key, value in env.items() if value is not None}
        done = subprocess.run(["bash", str(SLURM / script), *map(str, arguments)], env=clean, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def calls(self, name=None):
        """The arguments of each call so far, of one command or of all with their names."""
        log = self.stage / "calls"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return lines if name is None else [line[1:] for line in lines if line[0] == name]

    def submitted_with(self, job):
        """The environment that the fake sbatch saw when it gave out this id."""
        return json.loads((self.stage / f"environment.{job}").read_text())
