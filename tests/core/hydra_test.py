"""Overrides and YAML against hydra 1.3.2 and OmegaConf 2.3.0 themselves: the same tree, or refused by both. Each round is
random; the last line of a failure is the input. What differs on purpose is listed in DIFFERENCES."""
import json
import os
import random
import re
import subprocess
import sys
import unittest
import warnings
from pathlib import Path

try:
    from omegaconf import OmegaConf

    from hydra_configuration import hydra_tree, plain
except ImportError:
    if os.environ.get("BALR_TEST_LEVEL", "quick") != "quick":
        raise
    print("SKIPPED: hydra-core is not there (tools/setup.sh --tests)")
    sys.exit(77)
from random_overrides import random_overrides

warnings.simplefilter("ignore")
LEVEL = os.environ.get("BALR_TEST_LEVEL", "quick")
ROUNDS = {"quick": 60, "ci": 500, "full": 20000}[LEVEL]
SCALARS = {"quick": 500, "ci": 3000, "full": 100000}[LEVEL]
SEED = int(os.environ.get("BALR_TEST_SEED", 20251))
OPTION_KEYS = ("device", "input", "save_output", "exist_ok", "audio_formats")

# What we refuse, and hydra accepts: our message, and why.
DIFFERENCES = {
    r"holds keys and cannot be '|is there already": "an interpolation cannot stand for a node of the tree",
    r"cannot be a part of a text": "Python prints sets of keys into texts; nobody wants that",
    r"mark for a missing": "??? (hydra's mark for a missing value) is no value",
    r"keys cannot be removed; set (data|embeddings|encoder) ": "the commands need these nodes",
    r"_target_ is .* cannot be changed": "classes are selected by name",
    r"has no option|is not selected; write ~|cannot be removed; select": "a selection that is wrong, though another follows",
    r"without \+|has no option a list": "an empty list that adds nothing",
}


class Ours:
    """The program override_dump beside the tests."""

    def __init__(self):
        program = Path(os.environ["BALR_BUILD_DIR"]) / "tests/core/override_dump"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, entry):
        self.process.stdin.write(json.dumps(entry) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"override_dump died of {entry!r}"
        answer = json.loads(line)
        return (None, answer["error"]) if "error" in answer else (json.loads(answer["config"]), "")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def attempt(function, *arguments):
    try:
        return function(*arguments), ""
    except Exception as error:  # hydra raises many kinds
        return None, f"{type(error).__name__}: {error}"


def typed(value):
    """Shows 1, 1.0 and True apart."""
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    return f"{type(value).__name__} {value!r}"


class Hydra(unittest.TestCase):
    def setUp(self):
        self.ours = Ours()
        self.addCleanup(self.ours.close)
        theirs = hydra_tree([])
        self.own = {key for key in self.ours(["trainer.losses=[mse,triplet,sparsity,arcface]"])[0]
                    if key not in theirs and not key.startswith(("trainer.losses.arcface.", "trainer.losses.sparsity."))}
        self.own |= {key for key in self.ours(["trainer.losses=[arcface,sparsity]"])[0]
                     if key not in hydra_tree(["trainer.losses=[arcface,sparsity]"])}

    def compare(self, overrides):
        """None, "difference" (a listed one), or what is wrong."""
        theirs, refusal = attempt(hydra_tree, overrides)
        ours, error = self.ours(overrides)
        if theirs is None:
            return None if ours is None else f"hydra refuses it ({refusal}), we accept"
        if ours is None:
            listed = any(re.search(pattern, error) for pattern in DIFFERENCES)
            return "difference" if listed else f"hydra accepts it, we refuse: {error}"
        ours = {key: value for key, value in ours.items() if key in theirs or key not in self.own}
        differing = {key for key in set(ours) | set(theirs) if typed(ours.get(key, "gone")) != typed(theirs.get(key, "gone"))}
        return f"differ (ours, hydra's): {[(k, ours.get(k, 'gone'), theirs.get(k, 'gone')) for k in differing]}" if differing else None

    def test_random_overrides(self):
        outcomes = {"equal": 0, "difference": 0}
        for number in range(ROUNDS):
            overrides = random_overrides(random.Random(SEED * 1000003 + number))
            if any(text.lstrip("+~").startswith(OPTION_KEYS) for text in overrides):
                continue  # an error here on purpose
            wrong = self.compare(overrides)
            outcomes[wrong if wrong == "difference" else "equal"] += 1
            self.assertIn(wrong, (None, "difference"), f"\n{overrides}\n{wrong}")
        print(f"{outcomes['equal']} equal, {outcomes['difference']} listed differences")
        self.assertGreater(outcomes["equal"], 20 * outcomes["difference"])

    def test_overrides_that_matter(self):
        for line in (
                ["+data.foo=1", "data.foo=2"], ["+foo={a:1}", "~foo.a"], ["+foo=[1,2]", "foo.0=5"], ["+save_dir=x"],
                ["+trainer=batrainer", "trainer.epochs=3"], ["trainer={losses:{mse:null}}"], ["hydra.job.name=x"], ["hydra.foo=1"],
                ["scorer=maxllr", "scorer={f: 0.2}"], ["trainer.epochs=int(1e30)"], ["data={batch_size:3,foo:1}"], ["+data={foo:1}"],
                ["save_dir="], ["save_dir=12"], ["save_dir='12'"], ["model_dir=./a//b/"], ["+a='${.c}'", "+c=5"],
                ["+foo={b: '${..trainer.epochs}'}"], ["embeddings.model.model_dir=/m"], ["++embeddings.model.model_dir=/m"],
                ["+foo=['${oc.select:.bar,1}']"], ["+foo=[1,'${.0}']"], ["data.sampler='${oc.select:data.nothing,5}'"]):
            self.assertIsNone(self.compare(line), line)

    def test_yaml_scalars(self):
        def theirs(text):
            return plain(OmegaConf.to_container(OmegaConf.create(f"x: {text}\ntrainer: {{epochs: 64}}"), resolve=True)["x"])

        given = ["yes", "No", "ON", "y", "tRue", "~", "Null", "", "010", "08", "0x1F", "0b101", "1_000", "1:30", "1:60", "190:20:30.15",
                 "+.5", ".5", ".5e3", "1e3", ".inf", "-.Inf", ".nan", "'12'", '"a\\nb\\u00e9"', "!!str 12", "!!int 12", "!!float 1",
                 "0_.0e5", "0_.0e+5", "!!python/name:os.system x", "!foo x", "[1, a, null]", "abc # c", "a: b: c", "'${trainer.epochs}'", '"\\\\${x}"']
        random.seed(SEED)
        letters = "0123456789_.:eE+-xbinfaNy~"
        given += ["".join(random.choices(letters, k=random.randrange(1, 8))) for _ in range(SCALARS)]
        for text in given:
            value, refusal = attempt(theirs, text)
            tree, error = self.ours(f"'+x': {text}\n")
            if refusal and re.fullmatch(r"[-+]?0[xb]_+", text):
                continue  # PyYAML fails on its own number; a text here
            self.assertEqual(bool(refusal), bool(error), f"{text!r}: {refusal or value} against {error or tree['x']}")
            if not refusal:
                self.assertEqual(typed(tree["x"]), typed(value), text)


if __name__ == "__main__":
    unittest.main()
