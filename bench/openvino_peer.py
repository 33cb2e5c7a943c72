"""Speed of OpenVINO's network alone, for comparison with `bench_extract` (which decodes, makes features and writes too).

    openvino_peer.py MODEL_DIR INPUT.csv [--threads N] [--rounds R]

MODEL_DIR holds avg_model.pt and config.yaml of a ResNet34; the features are random numbers of the files' true lengths, as the network's
speed does not depend on them. Needs `openvino`, `torch` and `soundfile`-free reading of FLAC lengths (the header is parsed here).
Hold it to AVX2 with ONEDNN_MAX_CPU_ISA=AVX2.
"""
import argparse
import csv
import time

import numpy
import torch


class Block(torch.nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        conv = torch.nn.Conv2d
        self.conv1, self.bn1 = conv(inner, outer, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(outer)
        self.conv2, self.bn2 = conv(outer, outer, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(outer)
        self.shortcut = torch.nn.Sequential()
        if stride != 1 or inner != outer:
            self.shortcut = torch.nn.Sequential(conv(inner, outer, 1, stride, bias=False), torch.nn.BatchNorm2d(outer))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet34(torch.nn.Module):
    """WeSpeaker's, with statistics pooling; for the measurement only."""

    def __init__(self, bins=80, dimension=256):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(1, 32, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(32)
        width = 32
        for index, (blocks, outer) in enumerate(zip((3, 4, 6, 3), (32, 64, 128, 256))):
            layer = []
            for block in range(blocks):
                layer.append(Block(width, outer, 2 if block == 0 and index > 0 else 1))
                width = outer
            setattr(self, f"layer{index + 1}", torch.nn.Sequential(*layer))
        self.seg_1 = torch.nn.Linear(2 * 256 * bins // 8, dimension)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x.transpose(1, 2).unsqueeze(1))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        mean, variance = x.mean(-1), x.var(-1)
        return self.seg_1(torch.cat([mean.flatten(1), (variance + 1e-7).sqrt().flatten(1)], 1))


def flac_samples(path):
    """Number of samples per channel and rate, from STREAMINFO."""
    with open(path, "rb") as file:
        header = file.read(42)
    if header[:4] != b"fLaC":
        raise SystemExit(f"{path} is not FLAC: this script reads the lengths of FLAC files only")
    packed = int.from_bytes(header[18:26], "big")
    return packed & (1 << 36) - 1, packed >> 44


def frames_of(path):
    samples, rate = flac_samples(path)
    return max(9, 1 + (samples * 16000 // rate - 400) // 160)


def compile_model(folder, threads):
    import openvino

    network = ResNet34().eval()
    if folder:
        state = torch.load(f"{folder}/avg_model.pt", weights_only=True)
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("projection.")}, strict=False)
    with torch.no_grad():
        model = openvino.convert_model(network, example_input=torch.zeros(1, 200, 80))
    model.reshape([1, -1, 80])
    core = openvino.Core()
    return core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,
        },
    )


def run_all(compiled, features, threads):
    """All utterances, one at a time on each of `threads` streams."""
    import openvino

    queue = openvino.AsyncInferQueue(compiled, threads)
    start = time.perf_counter(), time.process_time()
    for x in features:
        queue.start_async({0: x})
    queue.wait_all()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("csv")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with open(arguments.csv, newline="") as file:
        lengths = [frames_of(row["audio"]) for row in csv.DictReader(file)]
    generator = numpy.random.default_rng(1)
    features = [generator.standard_normal((1, n, 80), dtype=numpy.float32) for n in lengths]
    compiled = compile_model(arguments.model, arguments.threads)
    run_all(compiled, features, arguments.threads)  # shapes are compiled at the first sight
    times = [run_all(compiled, features, arguments.threads) for _ in range(arguments.rounds)]
    wall, cpu = (min(t[i] for t in times) for i in (0, 1))
    seconds = sum(lengths) / 100
    print(
        f"openvino network alone: {len(features)} utterances, {wall:.2f} s, {len(features) / wall:.2f} utterances/s, "
        f"{seconds / wall:.1f} x real time, {1e3 * wall / len(features):.1f} ms each, {arguments.threads} threads; "
        f"processor time {cpu:.2f} s, {1e3 * cpu / len(features):.1f} ms each"
    )


if __name__ == "__main__":
    main()
