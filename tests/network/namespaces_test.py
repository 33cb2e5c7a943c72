"""balr between two hosts that share nothing but a wire: two network namespaces with addresses of their own.

mpirun starts its daemon on the other host through a small program in the place of ssh; the ranks find each other over TCP
on the wire alone. Each run ends in the bytes of a run without mpirun. Needs root, and a kernel that allows namespaces.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pipeline"))
from harness import BALR, MPIRUN, ModelTestCase, environment, main, run, write_csv  # noqa: E402

NAME = f"balr{os.getpid()}"  # of the namespaces, with a letter behind it
NETWORK = "10.231.77"
HOSTS = {"a": f"{NETWORK}.1", "b": f"{NETWORK}.2"}
TRAIN = ("trainer.epochs=5", "trainer.losses=[mse]", "data.N_classes_per_batch=4", "data.M_samples_per_class=2", "data.batch_size=8")

# mpirun calls it as ssh: options, the host, the words of a command for the host's shell.
AGENT = """#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done
case $1 in
  {b_address}) space={name}b ;;
  *) echo "no host $1" >&2; exit 255 ;;
esac
shift
exec ip netns exec "$space" unshare -u sh -c "hostname host-b && $*"
"""


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


def missing():
    """Why it cannot be tried here; None if it can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and the program ip (Debian: iproute2)"
    if ip("netns", "add", f"{NAME}t", check=False).returncode != 0:
        return "this machine does not allow network namespaces"
    ip("netns", "del", f"{NAME}t")
    if len(MPIRUN) == 1:
        return "the test starts ranks with the options of Open MPI's mpirun"
    return None


REASON = missing()
if REASON and os.environ.get("BALR_REQUIRE_SLURM") == "1":
    raise RuntimeError(f"BALR_REQUIRE_SLURM=1, but {REASON}")


@unittest.skipIf(REASON, f"no network namespaces: {REASON}")
class TwoHosts(ModelTestCase):
    @classmethod
    def prepare(cls):
        super().prepare()
        for letter in HOSTS:
            ip("netns", "add", NAME + letter)
            cls.addClassCleanup(ip, "netns", "del", NAME + letter)
        # An interface's name has 15 characters at most.
        ip("link", "add", "wire", "netns", f"{NAME}a", "type", "veth", "peer", "name", "wire", "netns", f"{NAME}b")
        for letter, address in HOSTS.items():
            ip("-n", NAME + letter, "addr", "add", f"{address}/24", "dev", "wire")
            for link in ("wire", "lo"):
                ip("-n", NAME + letter, "link", "set", link, "up")
        cls.agent = cls.shared / "agent"
        cls.agent.write_text(AGENT.format(name=NAME, b_address=HOSTS["b"]))
        cls.agent.chmod(0o755)

    def on_two_hosts(self, *arguments, program=BALR, code=0):
        """Two ranks on each host, 0 and 2 on host-a; returns the output."""
        hosts = ",".join(f"{address}:2" for address in HOSTS.values())
        line = ["ip", "netns", "exec", f"{NAME}a", "unshare", "-u", "sh", "-c", 'hostname host-a && exec "$@"', "sh", *MPIRUN, "-n", "4",
                "--host", hosts, "--map-by", "node", "--mca", "plm_rsh_agent", self.agent, "--mca", "plm_rsh_no_tree_spawn", "1",
                "--mca", "btl", "tcp,self,vader", "--mca", "btl_tcp_if_include", f"{NETWORK}.0/24",
                "--mca", "oob_tcp_if_include", f"{NETWORK}.0/24", "--mca", "pml", "ob1", program, *arguments]
        done = subprocess.run(list(map(str, line)), env=environment(), timeout=240, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace")
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def bytes_on_the_wire(self):
        text = ip("netns", "exec", f"{NAME}a", "cat", "/sys/class/net/wire/statistics/tx_bytes").stdout
        return int(text)

    def test_extract_and_train(self):
        extract = (self.csv, f"embeddings.model.model_repo={self.model}")
        alone, out = self.dir / "alone", self.dir / "out"
        run("extract", "--save-dir", alone / "data", *extract)
        run("train", "--save-dir", alone / "train", alone / "data", alone / "data", *TRAIN)
        self.on_two_hosts("extract", "--save-dir", out / "data", *extract)
        self.assertEqual(sha256(out / "data" / "embeddings.h5"), sha256(alone / "data" / "embeddings.h5"))
        before = self.bytes_on_the_wire()
        self.on_two_hosts("train", "--save-dir", out / "train", out / "data", out / "data", *TRAIN)
        # At least one gradient of the network (some 3 MB) went to the other host.
        self.assertGreater(self.bytes_on_the_wire() - before, 3_000_000)
        self.assertEqual(sha256(out / "train" / "last.pt"), sha256(alone / "train" / "last.pt"))

    def test_hosts_that_see_different_data_are_named(self):
        rows = [line.split(",") for line in self.csv.read_text().splitlines()[1:]]
        old = write_csv(self.csv.parent / "old.csv", ("id", "audio", "speaker"), rows[:-1])
        for name, table in (("new", self.csv), ("old", old)):
            run("extract", "--save-dir", self.dir / name, table, f"embeddings.model.model_repo={self.model}")
        # As where one host's file system still shows the folder as it was.
        program = self.dir / "program"
        program.write_text(f"""#!/bin/sh
[ "$(hostname)" = host-b ] && data='{self.dir}/old' || data='{self.dir}/new'
exec '{BALR}' train --save-dir '{self.dir}/out' "$data" '{self.dir}/new' "$@"
""")
        program.chmod(0o755)
        text = self.on_two_hosts(*TRAIN, program=program, code=70)
        self.assertIn("the training data (rank 1 on host-b, rank 3 on host-b)", text)
        self.assertFalse(list(self.dir.glob("out/*.pt")))

    def test_doctor_sees_both_hosts(self):
        text = self.on_two_hosts("doctor", "--save-dir", self.dir / "results")
        self.assertIn("known values are right on 4 ranks", text)
        for host in ("host-a", "host-b"):
            self.assertIn(f"folder on {host}", text)


if __name__ == "__main__":
    main()
