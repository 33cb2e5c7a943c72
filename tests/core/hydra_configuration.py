"""The configuration of the Python balr, written for hydra from its description (keys, types, defaults, groups), so that
hydra itself can say what overrides do to it."""
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional

from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

FORMATS = ["flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"]


@dataclass
class Features:
    frontend: str = "fbank"
    num_mel_bins: int = 80
    frame_length: int = 25
    frame_shift: int = 10
    dither: float = 0.0


@dataclass
class Model:
    pass


@dataclass
class Wespeaker(Model):
    _target_: str = "balr.embeddings.wespeaker.WespeakerModel"
    features: Features = field(default_factory=Features)
    model_repo: str = "Wespeaker/wespeaker-voxceleb-resnet34-LM"
    model_name: str = "avg_model"
    config_name: str = "config.yaml"


@dataclass
class AutoEncoder(Model):
    _target_: str = "balr.binary_attributes.autoencoder.BinaryAttributeAutoEncoder"
    checkpoint_path: str = "resources/models/BAE/BAE_mse.pt"
    input_dim: int = 256
    internal_dim: int = 512


@dataclass
class ModelNode:
    model: Model = MISSING


@dataclass
class Mse:
    _target_: str = "balr.losses.mse_loss.MSELoss"
    weight: float = 1.0


@dataclass
class Triplet:
    _target_: str = "balr.losses.triplet_margin_loss.TripletMarginLoss"
    margin: float = 0.3
    type_of_triplets: str = "all"
    weight: float = 1.0


@dataclass
class Sparsity:
    _target_: str = "balr.losses.sparsity_loss.SparsityLoss"
    weight: float = 0.0001


@dataclass
class ArcFace:
    _target_: str = "balr.losses.arcface_loss.ArcFaceLoss"
    margin: float = 0.3
    type_of_triplets: str = "all"
    weight: float = 0.001


@dataclass
class Losses:
    mse: Optional[Mse] = None
    triplet: Optional[Triplet] = None
    sparsity: Optional[Sparsity] = None
    arcface: Optional[ArcFace] = None


@dataclass
class Trainer:
    _target_: str = "balr.binary_attributes.trainer.BinaryAttributeEncoderTrainer"
    input_dim: int = 256
    internal_dim: int = 512
    learning_rate: float = 0.001
    epochs: int = 64
    seed: int = 1234
    save_period: int = 0
    log_period: int = 2
    val_period: int = 10
    losses: Losses = field(default_factory=Losses)


@dataclass
class Scorer:
    checkpoint_path: Optional[str] = None
    n_iterations: int = 100
    n_attributes: int = 512


@dataclass
class Beta(Scorer):
    _target_: str = "balr.scoring.beta.DirichletMultinomialScorer"
    K: int = 2
    eps: float = 1e-8


@dataclass
class Dna(Scorer):
    _target_: str = "balr.scoring.llr.DNALLRScorer"
    drop_in: float = 0.12
    typicality_threshold: float = 1e-4


@dataclass
class Speech(Scorer):
    _target_: str = "balr.scoring.llr.SpeechLLRScorer"
    drop_in: float = 0.12
    typicality_threshold: float = 1e-4


@dataclass
class MaxLlr(Scorer):
    _target_: str = "balr.scoring.llr.MaxLLRScorer"
    f: float = 0.5
    p: float = 0.9
    q: float = 0.1


@dataclass
class Cosine(Scorer):
    _target_: str = "balr.scoring.cosine.CosineSimilarityScorer"
    dim: int = 1
    eps: float = 1e-8


@dataclass
class Data:
    batch_size: int = 64
    num_workers: int = 1
    shuffle: bool = True
    normalize_mean: bool = True
    normalize_var: bool = False
    sampler: Optional[str] = "balr.samplers.nxm_samplers.RandomNxMSampler"
    N_classes_per_batch: int = 8
    M_samples_per_class: int = 8


@dataclass
class Run:
    defaults: List[Any] = field(default_factory=lambda: [
        "_self_", {"embeddings.model": "wespeaker"}, {"encoder.model": "autoencoder"},
        {"trainer.losses": ["mse", "triplet"]}, {"scorer": "beta"}])
    input: Path = MISSING
    save_output: bool = True
    model_dir: Optional[Path] = None
    save_dir: Optional[Path] = None
    exist_ok: bool = False
    audio_formats: List[str] = field(default_factory=lambda: list(FORMATS))
    embeddings: ModelNode = field(default_factory=ModelNode)
    encoder: ModelNode = field(default_factory=ModelNode)
    trainer: Trainer = field(default_factory=Trainer)
    scorer: Scorer = MISSING
    data: Data = field(default_factory=Data)
    device: str = "cpu"


def _register():
    store = ConfigStore.instance()
    store.store(name="config", node=Run)
    store.store(group="embeddings.model", name="wespeaker", node=Wespeaker)
    store.store(group="encoder.model", name="autoencoder", node=AutoEncoder)
    store.store(group="trainer", name="batrainer", node=Trainer)
    for name, node in {"mse": Mse, "triplet": Triplet, "sparsity": Sparsity, "arcface": ArcFace}.items():
        store.store(group="trainer.losses", name=name, node=node, package=f"trainer.losses.{name}")
    for name, node in {"beta": Beta, "dna": Dna, "speech": Speech, "maxllr": MaxLlr, "cosine": Cosine}.items():
        store.store(group="scorer", name=name, node=node)


_register()


def _flat(node, prefix=""):
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", plain(value)


def plain(value):
    """As our JSON has it: infinities and NaN are texts, "???" is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    return None if value == "???" else value


def hydra_tree(overrides):
    """{dotted key: value} of hydra; raises what hydra raises. The command line adds the last five by itself."""
    ends = ["input=data", f"audio_formats=[{','.join(FORMATS)}]", "device=cpu", "save_output=true", "exist_ok=false"]
    with initialize(version_base="1.3", config_path=None):
        config = compose("config", overrides=list(overrides) + ends)
    tree = dict(_flat(OmegaConf.to_container(config, resolve=True)))
    del tree["input"]  # an argument, no key
    return tree
