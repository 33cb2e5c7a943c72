"""Completion in real interactive shells: text and a TAB go into a pseudo-terminal, the edited line comes back."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

BUILD = Path(os.environ["BALR_BUILD_DIR"])
PRESETS = sorted(p.stem for p in (Path(os.environ["BALR_SOURCE_DIR"]) / "configs").glob("*.yaml"))
FORMATS = ["flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"]
LOSSES = ["arcface", "mse", "sparsity", "triplet"]
SCORERS = ["beta", "cosine", "dna", "maxllr", "speech"]


class Shell:
    """An interactive shell, in which ^G prints the line that is being edited, between marks, and empties it."""

    def __init__(self, argv, folder, setup):
        environment = {"PATH": f"{BUILD}:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(argv[0], argv, environment)
        attributes = termios.tcgetattr(self.fd)
        attributes[3] &= ~termios.ECHO  # until the shell's own line editor takes over
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
        self.seen = ""
        self.send(f"{setup}; echo rea''dy\n")
        self.until(r"ready\r?\n")

    def send(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern):
        """Reads until the pattern appears; returns its match."""
        end = time.monotonic() + 60
        while not (match := re.search(pattern, self.seen, re.S)):
            if time.monotonic() > end or not select.select([self.fd], [], [], 60)[0]:
                raise AssertionError(f"no {pattern} in {self.seen[-2000:]!r}")
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"the shell ended: {self.seen[-2000:]!r}") from error
        self.seen = self.seen[match.end():]
        return match

    def line(self, keys):
        """What the line is after these keys."""
        self.send(keys + "\x07")
        line = self.until(r"<<<(.*?)>>>").group(1)
        return re.sub(r"\r?\n|\r", "", line)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def bash(folder):
    if not shutil.which("bash"):
        raise AssertionError("bash is missing")
    shell = Shell([shutil.which("bash"), "--norc", "--noprofile", "-i"], folder,
                  "PS1='$ '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off';"
                  "bind 'set completion-query-items 0'; bind 'set page-completions off';"
                  "source <(balr completion bash); "
                  r"""bind -x '"\C-g": printf "<<""<%s>>""> " "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0'""")
    return shell


def zsh(folder, load="compinit -u -D; source <(balr completion zsh)"):
    return Shell([shutil.which("zsh"), "-f", "-i"], folder,
                 f"PS1='$ '; unsetopt beep; autoload -Uz compinit; {load}; LISTMAX=1000; unset zle_bracketed_paste; "
                 "show() { print -rn -- '<<''<'$BUFFER'>>''> '; BUFFER= }; zle -N show; bindkey '^g' show; bindkey -e; "
                 "bindkey '^g' show; bindkey '\\e*' expand-all; "
                 "zstyle ':completion:all-matches:*' completer _all_matches _complete; "
                 "zstyle ':completion:all-matches:*' insert yes; zle -C all-matches complete-word _generic; "
                 "bindkey '\\e*' all-matches")


class ShellTest:
    """What both shells do; the class below says how each is started."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        folder = Path(cls.temporary.name)
        for name in ("alpha.csv", "beta gamma.csv"):
            (folder / name).write_text("audio\n")
        (folder / "models" / "deep").mkdir(parents=True)
        cls.shell = cls.start(folder)

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()
        cls.temporary.cleanup()

    def completes(self, typed, expected):
        self.assertEqual(self.shell.line(typed + "\t"), expected, typed)

    def offers(self, typed, words, exactly=True):
        """All candidates for the last word of what is typed."""
        start = typed.rpartition(" ")[0] + " "
        line = self.shell.line(typed + "\x1b*")
        self.assertTrue(line.startswith(start), line)
        found = line[len(start):].split()
        if exactly:
            self.assertEqual(sorted(found), sorted(words), typed)
        else:
            self.assertEqual(sorted(set(words) - set(found)), [], typed)

    def test_commands(self):
        self.completes("balr tra", "balr train ")
        self.completes("balr ext", "balr extract ")
        self.completes("balr sco", "balr score ")
        self.completes("balr score te", "balr score test ")
        self.offers("balr score t", ["train", "test"])
        self.completes("balr help mod", "balr help model ")
        self.completes("balr help score tr", "balr help score train ")
        self.completes("balr completion z", "balr completion zsh ")
        self.offers("balr ", ["extract", "train", "binarize", "score", "model", "config", "completion", "help"], False)

    def test_options(self):
        self.completes("balr extract --save-d", "balr extract --save-dir ")
        self.completes("balr extract alpha.csv --no-save", "balr extract alpha.csv --no-save-output ")
        self.offers("balr train --must", ["--must-resume"])
        self.offers("balr extract --no-", ["--no-force", "--no-save-output"])
        self.offers("balr train --", ["--help", "--save-dir", "--device", "--exist-ok", "--no-resume"], False)
        self.completes("balr config -- --js", "balr config -- --js")  # no options after --

    def test_values_of_options(self):
        self.completes("balr extract --device cu", "balr extract --device cuda ")
        self.completes("balr extract --device=cu", "balr extract --device=cuda ")
        self.offers("balr extract --device ", ["cpu", "cuda"])
        self.offers("balr extract --audio-formats ", FORMATS)
        self.completes("balr train --log-level de", "balr train --log-level debug ")
        self.offers("balr train --config-name ", PRESETS)
        self.completes("balr train --config-name rec", "balr train --config-name recipe ")
        self.completes("balr train --config-name=rec", "balr train --config-name=recipe ")

    def test_keys_end_in_an_equal_sign(self):
        self.completes("balr train alpha.csv alpha.csv trainer.ep", "balr train alpha.csv alpha.csv trainer.epochs=")
        self.completes("balr config scorer.n_i", "balr config scorer.n_iterations=")
        self.completes("balr config ++trainer.ep", "balr config ++trainer.epochs=")
        self.offers("balr config data.n", ["data.num_workers=", "data.normalize_mean=", "data.normalize_var="])

    def test_values_of_keys(self):
        self.completes("balr config scorer=max", "balr config scorer=maxllr ")
        self.completes("balr config trainer.validation=sa", "balr config trainer.validation=sampled ")
        self.completes("balr config data.shuffle=f", "balr config data.shuffle=false ")
        self.completes("balr config trainer.losses=trip", "balr config trainer.losses=triplet ")
        self.completes("balr config embeddings.model.model_repo=mod", "balr config embeddings.model.model_repo=models/")

    def test_files(self):
        self.completes("balr extract al", "balr extract alpha.csv ")
        self.completes("balr extract be", r"balr extract beta\ gamma.csv ")
        self.completes("balr extract --save-dir mo", "balr extract --save-dir models/")
        self.completes("balr extract --save-dir=mo", "balr extract --save-dir=models/")
        self.completes("balr extract --save-dir al", "balr extract --save-dir al")  # folders only
        self.completes("balr extract beta\\ gamma.csv trainer.se", "balr extract beta\\ gamma.csv trainer.seed=")

    def test_in_the_middle_of_a_line(self):
        back = "\x1b[D"
        self.completes("balr extract --dev alpha.csv" + back * 10, "balr extract --device  alpha.csv")
        self.completes("balr sco alpha.csv" + back * 10, "balr score  alpha.csv")

    def test_a_path_to_the_program(self):
        self.completes(f"{BUILD}/balr tra", f"{BUILD}/balr train ")

    def test_no_command_no_offer(self):
        self.completes("balr frobnicate x", "balr frobnicate x")
        self.completes("balr train alpha.csv alpha.csv nothing.like", "balr train alpha.csv alpha.csv nothing.like")


class Bash(ShellTest, unittest.TestCase):
    start = staticmethod(bash)

    def test_inside_quotes(self):
        self.completes("balr config 'trainer.losses=[ms", "balr config 'trainer.losses=[mse")
        self.completes("balr config 'trainer.losses=[mse,tr", "balr config 'trainer.losses=[mse,triplet")
        self.completes('balr config "trainer.ep', 'balr config "trainer.epochs=')

    def test_lists(self):
        self.completes("balr config trainer.losses=[ms", "balr config trainer.losses=[mse")
        self.completes("balr config trainer.losses=[mse,tr", "balr config trainer.losses=[mse,triplet")


ZSH_MAY_MISS = os.environ.get("BALR_TEST_LEVEL", "quick") == "quick" and not shutil.which("zsh")


@unittest.skipIf(ZSH_MAY_MISS, "zsh is missing (tools/setup.sh --tests installs it)")
class Zsh(ShellTest, unittest.TestCase):
    start = staticmethod(zsh)

    def test_inside_quotes(self):
        self.completes("balr config 'trainer.losses=[ms", "balr config 'trainer.losses=[mse")
        self.completes("balr config 'trainer.losses=[mse,tr", "balr config 'trainer.losses=[mse,triplet")


@unittest.skipIf(ZSH_MAY_MISS, "zsh is missing (tools/setup.sh --tests installs it)")
class ZshOfAnInstallation(unittest.TestCase):
    def test_the_file_is_found_by_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            shell = zsh(folder, "mkdir f; balr completion zsh > f/_balr; fpath=($PWD/f $fpath); compinit -u -D")
            for _ in range(2):  # the first call defines the function, the second uses it
                self.assertEqual(shell.line("balr tra\t"), "balr train ")
            shell.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
