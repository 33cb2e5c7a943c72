"""How evenly the ranks of `balr extract` share their work: 4 ranks of one thread, 2,000 short rows.

    BALR=build/balr python3 bench/balance.py [rows]

Each row's computation is stretched by sleeping (BALR_FAULT slow@extract.row), so that the ranks do not compete for the machine's cores: all
by 20, then one of them by 80. Ideal: 4 / 3.25 times the time. Then rows as long and as short as VoxCeleb's (35 times the shortest, most of
them short), whose seconds of audio per second are compared with those of equal rows. The runs compare on an idle machine only; what the claims
alone are good for, tests/run/balance_test.cpp says in simulated time.
"""
import os
import random
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

BALR = os.environ.get("BALR", "build/balr")
RANKS, STRETCH = 4, 20


def write_noise(path, seconds, seed):
    rng = random.Random(seed)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(16000)
        out.writeframes(rng.randbytes(2 * int(16000 * seconds)))


def corpus(folder, lengths):
    """One file for each length; a CSV with a row for each entry."""
    folder.mkdir()
    for i, seconds in enumerate(sorted(set(lengths))):
        write_noise(folder / f"{seconds}.wav", seconds, i)
    lines = [f"{i},{seconds}.wav" for i, seconds in enumerate(lengths)]
    (folder / "all.csv").write_text("\n".join(["id,audio", *lines, ""]))
    return folder / "all.csv"


def seconds(data, model, out, stretch):
    """Of the computation, by the rate that the run itself reports."""
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               BALR_FAULT=";".join(f"slow@extract.row:{rank}={factor}" for rank, factor in enumerate(stretch)))
    subprocess.run(["mpirun", "-n", str(RANKS), "--oversubscribe", "--bind-to", "none", BALR, "extract", "--save-dir", out, data,
                    f"embeddings.model.model_repo={model}", "num_threads=1"], env=env, check=True, capture_output=True)
    field = lambda name: float(subprocess.run([BALR, "status", out, "--field", name], capture_output=True, text=True, check=True).stdout)
    return field("done") / field("per_second")


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        equal = corpus(folder / "equal", [0.2] * rows)
        rng = random.Random(7)
        lengths = [round(min(7.0, 0.2 * (1 - rng.random()) ** -0.5), 1) for _ in range(rows)]
        skewed = corpus(folder / "skewed", lengths)
        subprocess.run([BALR, "model", "init", folder / "model", "--audio", equal, "--model", "ResNet18"], check=True, capture_output=True)
        even = seconds(equal, folder / "model", folder / "a", [STRETCH] * RANKS)
        for slow in (0, RANKS - 1):
            stretch = [STRETCH * (4 if rank == slow else 1) for rank in range(RANKS)]
            one_slow = seconds(equal, folder / "model", folder / f"b{slow}", stretch)
            print(f"{rows} rows on {RANKS} ranks: {even:.1f} s; rank {slow} four times slower: {one_slow:.1f} s, "
                  f"{one_slow / even * 3.25 / 4:.3f} of the ideal")
        uneven = seconds(skewed, folder / "model", folder / "c", [STRETCH] * RANKS)
        print(f"rows of 0.2 to 7 s: {uneven:.1f} s, {uneven / even * 0.2 * rows / sum(lengths):.3f} of the time of equal rows for as much audio")


if __name__ == "__main__":
    main()
