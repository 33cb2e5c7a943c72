"""A real Slurm on this machine: a controller and two nodes, for tests. Needs root, and Debian's slurm-wlm and munge.

Each node is a slurmd in mount and UTS namespaces of its own, so that it has its own host name, and PMIx's folder and
Open MPI's shared-memory files of the two nodes do not collide.
"""
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

LIBC = ctypes.CDLL(None)
NODES = ("n1", "n2")
NEEDED = ("slurmctld", "slurmd", "srun", "sbatch", "munged", "unshare")


def missing():
    """Why a cluster cannot be started here; None if it can."""
    programs = [name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None]
    if programs:
        return f"these programs are missing: {', '.join(programs)} (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "only root can start Slurm's daemons in namespaces of their own"
    trial = subprocess.run(["unshare", "-m", "-u", "true"], capture_output=True)
    return None if trial.returncode == 0 else "this machine does not allow namespaces"


def needs_slurm(test):
    """Skips the tests where no Slurm can be started; with BALR_REQUIRE_SLURM=1 that is an error instead."""
    reason = missing()
    if reason and os.environ.get("BALR_REQUIRE_SLURM") == "1":
        raise RuntimeError(f"BALR_REQUIRE_SLURM=1, but no Slurm can be started here: {reason}")
    return unittest.skipIf(reason, f"no Slurm can be started here: {reason}")(test)


def free_ports(count):
    """Ports that nobody listens on, below those that the system gives to outgoing connections."""
    sockets = []
    for port in random.SystemRandom().sample(range(12000, 32000), 200):
        one = socket.socket()
        try:
            one.bind(("", port))
            sockets.append(one)
        except OSError:
            one.close()
        if len(sockets) == count:
            break
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def die_with_parent():
    """In a child before exec: ended when the test's process is, however that happens (1: PR_SET_PDEATHSIG)."""
    LIBC.prctl(1, signal.SIGTERM)


class Cluster:
    """Started by start(), ended by stop(); run() calls a command of Slurm with its environment."""

    def __init__(self, folder, cpus_per_node=2, kill_wait=5):
        self.folder = Path(folder)
        self.cpus, self.kill_wait = cpus_per_node, kill_wait
        self.conf = self.folder / "slurm.conf"
        self.env = dict(os.environ, SLURM_CONF=str(self.conf), PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        self.daemons = {}  # by name

    def start(self):
        for name in ("state", "log", "pmix", *(f"{kind}.{node}" for kind in ("spool", "pmix") for node in NODES)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._start_munge()
        self._write_configuration()
        self._daemon("slurmctld", "slurmctld", "-D", "-c", "-f", str(self.conf))
        for node in NODES:
            self.start_node(node)
        self.wait_for_nodes()

    def wait_for_nodes(self):
        deadline = time.monotonic() + 120
        while self.idle_nodes() != len(NODES):
            dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if dead or time.monotonic() > deadline:
                raise RuntimeError(f"the nodes did not come up; ended: {dead}\n{self.logs()}")
            time.sleep(0.3)

    def start_node(self, node):
        own = f"hostname {node} && mount --bind '{self.folder}/pmix.{node}' '{self.folder}/pmix'"
        self._daemon(node, "unshare", "-m", "-u", "sh", "-c", f"{own} && exec slurmd -D -N {node} -f '{self.conf}'")

    def kill_node(self, node):
        """As when its power fails: the daemon and everything on the node is gone at once."""
        space = os.readlink(f"/proc/{self.daemons[node].pid}/ns/uts")  # the node's own, see above
        self.daemons[node].kill()
        self.daemons.pop(node).wait()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns" / "uts") == space:
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue

    def revive_node(self, node):
        self.start_node(node)
        self.run("scontrol", "update", f"nodename={node}", "state=resume", check=False)
        self.wait_for_nodes()

    def stop(self):
        """Ends all jobs, daemons and what they left behind; works at any point of start()."""
        if "slurmctld" in self.daemons:
            subprocess.run(["scancel", "--full", "--user=root"], env=self.env, capture_output=True, timeout=30)
        for name in reversed(list(self.daemons)):
            self._end(name)
        own = f"SLURM_CONF={self.conf}".encode()
        for folder in Path("/proc").glob("[0-9]*"):  # processes of steps, which outlive slurmd
            try:
                if int(folder.name) != os.getpid() and own in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)
            except (OSError, ValueError):
                continue

    def run(self, *command, check=True, timeout=300, **env):
        done = subprocess.run([str(word) for word in command], timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              env=self.env | {key: str(value) for key, value in env.items()})
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
        return done.stdout.strip() if check else (done.returncode, done.stdout)

    def job(self, number):
        """What the controller knows of a job, by field."""
        text = self.run("scontrol", "show", "job", "-o", number)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def wait(self, number, states=("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"), timeout=240):
        """Waits until the job is in one of these states; returns its fields."""
        deadline = time.monotonic() + timeout
        while True:
            fields = self.job(number)
            if fields["JobState"] in states:
                return fields
            if time.monotonic() > deadline:
                raise AssertionError(f"job {number} is still {fields['JobState']}, not one of {states}\n{self.logs()}")
            time.sleep(0.3)

    def idle_nodes(self):
        text = subprocess.run(["sinfo", "-h", "-t", "idle", "-o", "%D"], env=self.env, capture_output=True, text=True).stdout
        return sum(int(line) for line in text.split())

    def logs(self):
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in (self.folder / "log").iterdir())

    def _start_munge(self):
        socket_file = self.folder / "munge.socket"
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        munge = self._daemon("munged", "munged", "--foreground", "--force", f"--socket={socket_file}", f"--key-file={key}",
                             f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/log/munged.log",
                             f"--seed-file={self.folder}/munged.seed")
        deadline = time.monotonic() + 60
        while not socket_file.exists():
            if time.monotonic() > deadline or munge.poll() is not None:
                raise RuntimeError("munged did not start:\n" + self.logs())
            time.sleep(0.1)

    def _write_configuration(self):
        controller, *ports = free_ports(1 + len(NODES))
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} RealMemory=4000"
                          for node, port in zip(NODES, ports))
        self.conf.write_text(f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge.socket,cred_expire=5
SlurmdParameters=config_overrides
StateSaveLocation={self.folder}/state
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmctldLogFile={self.folder}/log/slurmctld.log
SlurmdSpoolDir={self.folder}/spool.%n
SlurmdPidFile={self.folder}/slurmd.%n.pid
SlurmdLogFile={self.folder}/log/slurmd.%n.log
SlurmdTimeout=20
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
ReturnToService=2
JobRequeue=1
KillWait={self.kill_wait}
MinJobAge=600
{nodes}
PartitionName=main Nodes={','.join(NODES)} Default=YES MaxTime=INFINITE State=UP
""")
        (self.folder / "mpi.conf").write_text(f"PMIxCliTmpDirBase={self.folder}/pmix\n")

    def _daemon(self, name, *command):
        with open(self.folder / "log" / f"{name}.out", "w") as out:
            self.daemons[name] = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                                  preexec_fn=die_with_parent)
        return self.daemons[name]

    def _end(self, name):
        daemon = self.daemons.pop(name, None)
        if daemon is None:
            return
        daemon.terminate()
        try:
            daemon.wait(timeout=20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
