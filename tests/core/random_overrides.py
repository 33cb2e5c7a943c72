"""Random overrides: pieces of the grammar put together, a third of them with characters changed."""

LEAVES = """trainer.epochs trainer.seed trainer.learning_rate data.shuffle data.batch_size data.sampler
scorer.checkpoint_path scorer.n_iterations scorer.eps scorer.K save_dir model_dir embeddings.model.model_name
embeddings.model.features.dither encoder.model.input_dim trainer.losses.mse.weight
trainer.losses.triplet.type_of_triplets""".split()
NODES = "data trainer embeddings.model.features encoder trainer.losses.mse trainer.losses.arcface embeddings".split()
GROUPS = {
    "trainer.losses": ["mse", "triplet", "sparsity", "arcface", "[mse]", "[mse,arcface]", "[]", "[triplet, mse]", "foo", "MSE"],
    "scorer": ["beta", "dna", "speech", "maxllr", "cosine", "[dna]", "null", "foo", "{n_iterations: 3}", "1"],
    "embeddings.model": ["wespeaker", "foo"],
    "encoder.model": ["autoencoder"],
    "trainer": ["batrainer", "{epochs: 2}"],
}
ADDED = "foo data.foo trainer.losses.foo scorer.foo foo.bar foo.a a.b.c trainer.foo.x embeddings.model.foo foo.0".split()
SCALARS = r"""1|0|-5|+7|1_000|007|99999999999999999999|1.5|1e3|.5|5.|-1e-7|1e400|inf|-INF|nan|true|False|null|NULL|none|yes
no|on|Off|y|N|abc|a b|a-b_c|x.y/z|C:\dir|a\,b|\ x\ |a\\b|a:b|?|*|@x|%5|$|a$b|''|""|'1'|'1.5'|'true'|' 12 '|'it\'s'|"q\"q"
'a\\'|'null'|'é'|'a,b'|'[x]'|-|+|1-2|1.2.3|0x10|1__0|_1|1e|e5|infinity|'Infinity'|'1_0'|TRUE|trueish|nullx|-inf|+nan|1e5x
/tmp/x|./a//b/|../x/.|~| 5 |a: """.replace("\n", "|").split("|")
INTERPOLATIONS = r"""${trainer.epochs}
${data.batch_size}
${data.sampler}
x${trainer.seed}y
'${.epochs}'
'${..data.shuffle}'
${scorer.checkpoint_path}
'${oc.env:BALR_NONE,7}'
${oc.env:BALR_NONE,abc}
'${oc.select:foo,3}'
'\${x}'
\${x}
'\\${trainer.epochs}'
${nothing}
'${trainer.${oc.env:BALR_NONE,seed}}'
'${trainer[epochs]}'
'${data.sampler}${data.shuffle}'
'${oc.decode:"[1,2]"}'
'${foo}'
${foo.bar}
'${a'
'${}'
'${.}'
'${ trainer.epochs }'
'${oc.env: BALR_NONE , a b }'
'${oc.env:BALR_NONE,"q,r"}'
'${oc.env:BALR_NONE,null}'
'${trainer.epochs }x'
'${oc.select:.epochs,[1,a]}'
'${audio_formats[1]}'
'$${trainer.epochs}'
'a\b'
'${oc.env:BALR_NONE,"${trainer.epochs}"}'
'${oc.env:BALR_NONE,a:b}'
'${oc.decode:${data.batch_size}}'
'${oc.decode:null}'
'${oc.select:trainer.losses.arcface,9}'
'${trainer.losses.sparsity}'""".split("\n")
NAMES = ["a", "b", "batch_size", "epochs", "x y", "a.b", "1", "weight", "losses", "mse", "foo", "n_iterations"]
ALPHABET = list("ab1._-+~=,'\"\\[]{}():${} \t#@/%é!0e5")


def _element(random, depth=0):
    kind = random.random()
    if kind < 0.62 or depth > 2:
        return random.choice(SCALARS)
    if kind < 0.78:
        return random.choice(INTERPOLATIONS)
    if kind < 0.86:
        items = [_element(random, depth + 1) for _ in range(random.randrange(4))]
        return "[" + random.choice([",", ", ", " ,"]).join(items) + "]"
    if kind < 0.94:
        names = random.sample(NAMES, random.randrange(3))
        return "{" + ",".join(f"{n}{random.choice([':', ': ', ' : '])}{_element(random, depth + 1)}" for n in names) + "}"
    return f"{random.choice(['int', 'float', 'str', 'bool', 'sort'])}({_element(random, depth + 1)})"


def _override(random):
    kind = random.random()
    mode = random.choice(["", "", "", "", "+", "++", "~"])
    if kind < 0.45:
        name, value = random.choice(LEAVES), _element(random)
    elif kind < 0.6:
        name = random.choice(list(GROUPS))
        value = random.choice(GROUPS[name])
    elif kind < 0.75:
        name, value = random.choice(NODES), _element(random)
    else:
        mode = random.choice(["+", "+", "+", "++", "", "~"])
        name, value = random.choice(ADDED), _element(random)
    return mode + name + ("" if mode == "~" and random.random() < 0.5 else "=" + value)


def _changed(random, text):
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(text) + 1)
        kind = random.random()
        text = text[:at] + ("" if 0.4 <= kind < 0.7 else random.choice(ALPHABET)) + text[at + (0 if kind < 0.4 else 1):]
    return text


def random_overrides(random):
    overrides = [_override(random) for _ in range(random.choice([1, 1, 1, 2, 2, 3]))]
    if random.random() < 0.3:
        overrides[0] = _changed(random, overrides[0])
    return overrides
