"""Our command line against the library that the Python balr's is made with: typer 0.19 over click 8.3.

The five commands are declared here as that balr declares them; random and chosen command lines go through both.
"""
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Annotated, List, Optional

try:
    import click
    import typer
except ImportError as missing:  # the exit status that ctest shows as "skipped"
    if os.environ.get("BALR_TEST_LEVEL", "quick") != "quick":
        raise
    print(f"skipped: {missing}; tools/setup.sh --tests installs it", file=sys.stderr)
    sys.exit(77)

TOOL = sys.argv.pop(1)
COUNT = {"quick": 2000, "ci": 20000, "full": 200000}[os.environ.get("BALR_TEST_LEVEL", "quick")]
FORMATS = ["flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"]
SEED = 1234  # trainer.seed, by which overrides are seen

Input = Annotated[Path, typer.Argument(exists=True, file_okay=True, dir_okay=True, readable=True)]
File = Annotated[Path, typer.Argument(exists=True, file_okay=True, dir_okay=False, readable=True)]
Overrides = Annotated[Optional[List[str]], typer.Argument()]
SaveDir = Annotated[Optional[Path], typer.Option()]
RootDir = Annotated[Optional[Path], typer.Option()]
Formats = Annotated[List[str], typer.Option()]
Device = Annotated[str, typer.Option()]
ConfigPath = Annotated[Optional[str], typer.Option()]
ConfigName = Annotated[str, typer.Option()]

app = typer.Typer(add_completion=False, rich_markup_mode=None)
score = typer.Typer(rich_markup_mode=None)
app.add_typer(score, name="score")
seen = {}


def note(command, overrides, save_dir, root_dir, formats, device, **values):
    seed = SEED
    for override in overrides or []:
        seed = int(override.removeprefix("trainer.seed="))
    seen.update(command=command, values={
        "save_dir": None if save_dir is None else str(save_dir), "root_dir": None if root_dir is None else str(root_dir),
        "audio_formats": list(formats), "device": device, "seed": seed,
        **{k: v if isinstance(v, (bool, str)) else str(v) for k, v in values.items()}})


@app.command()
def extract(input: Input, overrides: Overrides = None, force: bool = False, save_output: bool = True,
            save_dir: SaveDir = None, audio_formats: Formats = FORMATS, root_dir: RootDir = None, device: Device = "cpu",
            config_path: ConfigPath = None, config_name: ConfigName = "config"):
    note("extract", overrides, save_dir, root_dir, audio_formats, device, input=input, force=force, save_output=save_output)


@app.command()
def binarize(input: Input, overrides: Overrides = None, force: bool = False, save_output: bool = True,
             exist_ok: bool = False, save_dir: SaveDir = None, audio_formats: Formats = FORMATS, root_dir: RootDir = None,
             device: Device = "cpu", config_path: ConfigPath = None, config_name: ConfigName = "config"):
    note("binarize", overrides, save_dir, root_dir, audio_formats, device, input=input, force=force,
         save_output=save_output, exist_ok=exist_ok)


@app.command()
def train(train: Input, val: Input, overrides: Overrides = None, exist_ok: bool = False, save_dir: SaveDir = Path("runs/train"),
          audio_formats: Formats = FORMATS, root_dir: RootDir = None, device: Device = "cpu",
          config_path: ConfigPath = None, config_name: ConfigName = "config"):
    note("train", overrides, save_dir, root_dir, audio_formats, device, train=train, val=val, exist_ok=exist_ok)


@score.command("train")
def score_train(train: Input, overrides: Overrides = None, exist_ok: bool = False,
                save_dir: SaveDir = Path("runs/scorer/train"), audio_formats: Formats = FORMATS, root_dir: RootDir = None,
                device: Device = "cpu", config_path: ConfigPath = None, config_name: ConfigName = "config"):
    note("score train", overrides, save_dir, root_dir, audio_formats, device, train=train, exist_ok=exist_ok)


@score.command("test")
def score_test(test: Input, trials: File, overrides: Overrides = None, exist_ok: bool = False, sep: str = "\t",
               save_dir: SaveDir = Path("runs/score"), audio_formats: Formats = FORMATS, root_dir: RootDir = None,
               device: Device = "cpu", config_path: ConfigPath = None, config_name: ConfigName = "config"):
    # The scorer must be given here, so that the configuration is complete; it is not compared.
    note("score test", [o for o in overrides or [] if o != "scorer=cosine"], save_dir, root_dir, audio_formats, device,
         test=test, trials=trials, exist_ok=exist_ok, sep=sep)


CLICK = typer.main.get_command(app)


def reference(arguments):
    """What click makes of them: {"exit", "command", "values"} or {"exit", "error"}."""
    seen.clear()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # --help
            CLICK.main(list(arguments), prog_name="balr", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError:
        return {"exit": 2, "error": "no arguments"}
    except click.ClickException as error:
        return {"exit": error.exit_code, "error": error.format_message()}
    except ValueError as error:  # of note(): an override that hydra would refuse
        return {"exit": 2, "error": str(error)}
    return {"exit": 0, **seen} if seen else {"exit": 0, "help": True}


class Ours:
    def __init__(self, folder):
        clean = {k: v for k, v in os.environ.items() if "RANK" not in k and "SLURM" not in k}
        self.process = subprocess.Popen([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=clean)

    def __call__(self, arguments):
        self.process.stdin.write(json.dumps(list(arguments)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class ClickTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.before = os.getcwd()
        os.chdir(cls.temporary.name)
        for name in ("a.csv", "v.csv", "-odd", "x=y,[z] é"):
            Path(name).write_text("audio\n")
        Path("folder").mkdir()
        cls.ours = Ours(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.ours.close()
        os.chdir(cls.before)
        cls.temporary.cleanup()

    def same(self, arguments):
        theirs, mine = reference(arguments), self.ours(arguments)
        shown = f"{arguments}\nclick: {theirs}\nhere:  {mine}"
        self.assertEqual(mine["exit"], theirs["exit"], shown)
        for key in ("help", "command", "values"):
            self.assertEqual(mine.get(key), theirs.get(key), shown)
        return theirs

    def test_random_command_lines(self):
        generator = random.Random(20251125)
        tokens = ["--force", "--no-force", "--save-output", "--no-save-output", "--exist-ok", "--no-exist-ok",
                  "--save-dir out", "--save-dir=out 2", "--save-dir=", "--save-dir", "--root-dir r", "--root-dir=r=s",
                  "--audio-formats wav", "--audio-formats=mp3", "--device cpu", "--device=cuda", "--sep ,", "--sep=;",
                  "--sep", "--forc", "--save", "--save-output=false", "--force=true", "--frobnicate", "-x", "-force", "--",
                  "--help", "-", "absent", "folder", "a.csv", "v.csv", "x=y,[z] é", "-odd", "trainer.seed=7", "trainer.seed=8"]
        commands = ["extract", "binarize", "train", "score train", "score test", "score", "sco", "train extract"]
        outcomes = {}
        for _ in range(COUNT):
            command = generator.choices(commands, [6, 6, 6, 6, 6, 1, 1, 1])[0].split()
            # Start from what the command needs, so that many are accepted.
            words = [["a.csv"], ["v.csv"]][:2 if command in (["train"], ["score", "test"]) else 1]
            for token in generator.choices(tokens, k=generator.randrange(6)):
                name, space, value = token.partition(" ") if token.startswith("--") and "=" not in token else (token, "", "")
                words.insert(generator.randrange(len(words) + 1), [name, value] if space else [name])
            arguments = command + [word for group in words for word in group]
            if ours_differs(arguments):
                continue
            if command == ["score", "test"]:
                arguments += ["--", "scorer=cosine"] if "--" not in arguments else ["scorer=cosine"]
            theirs = self.same(arguments)
            kind = (theirs.get("command") or "help" if theirs["exit"] == 0 else theirs["error"].split("'")[0])
            outcomes[kind] = outcomes.get(kind, 0) + 1
        print(outcomes)
        for kind in ("extract", "binarize", "train", "score train", "score test", "help", "No such option: --forc",
                     "Invalid value for ", "Missing argument ", "Option "):
            self.assertGreater(sum(n for k, n in outcomes.items() if k.startswith(kind)), COUNT // 2000, kind)

    def test_chosen(self):
        for arguments in (["extract", "a.csv"], ["train", "a.csv", "folder"], ["score", "train", "a.csv"], ["binarize", "folder"],
                          ["score", "test", "a.csv", "v.csv", "scorer=cosine"], ["score", "test", "a.csv", "folder", "scorer=cosine"],
                          ["score"], ["score", "--help"], ["scroe"], [], ["extract"], ["train", "a.csv"], ["--frobnicate"],
                          ["extract", "a.csv", "--audio-formats", "wav", "mp3"], ["extract", "--", "-odd"], ["extract", "-odd"],
                          ["extract", "--help", "--frobnicate"], ["extract", "--frobnicate", "--help"], ["extract", "--force", "--help"],
                          ["extract", "a.csv", "--save-dir"], ["train", "a.csv", "absent", "--help"]):
            with self.subTest(arguments):
                self.same(arguments)


def ours_differs(arguments):
    """The deliberate differences (docs/differences.md): each is tested in argument_parser_test."""
    options = ("--save-dir", "--root-dir", "--audio-formats", "--device", "--sep")
    for word, following in zip(arguments, arguments[1:] + [""]):
        if word == "--":
            break
        if word in options and (following == "--" or following.startswith("--")):
            return True  # an option that stands where a value is missing
        if word in ("--save-dir=",) or word in options and following == "":
            return True  # an empty path
        if word == "--sep" and len(following) != 1:
            return True  # a separator of more than one character
    return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
