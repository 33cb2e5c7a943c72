"""Files that no audio program likes: one of each kind that we know, with the status that each must get.

    python hostile_corpus.py FOLDER     writes FOLDER/hostile.csv and the files beside it

make(folder) returns the rows: (id, path as the CSV has it, start, end, channel, status). Rows whose id begins with `good`
are ordinary audio between them.
"""
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

RATE = 16000
MAX_SECONDS = 20  # what is longer is too long in the test's run
FORMAT_PCM, FORMAT_FLOAT = 1, 3


def voice(number, seconds=1.0, rate=RATE):
    rng = np.random.default_rng(number)
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(110 + 7 * (number % 20) + 8 * np.sin(2 * np.pi * 1.3 * t)) / rate
    tones = sum(np.sin(k * phase) / k * (1 + np.sin(2 * np.pi * (1 + k % 3) * t)) for k in range(1, 15))
    return 0.1 * tones + 0.01 * rng.standard_normal(t.size)


def pcm16(samples):
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def wav(data, rate=RATE, channels=1, bits=16, code=FORMAT_PCM, data_size=None, extra=b""):
    """A RIFF file; every field may lie."""
    align = channels * bits // 8
    head = struct.pack("<HHIIHH", code, channels, rate & 0xFFFFFFFF, (rate * align) & 0xFFFFFFFF, align & 0xFFFF, bits)
    size = len(data) if data_size is None else data_size
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + extra + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


def crc(data, polynomial, bits):
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
        table.append(value)
    out = 0
    for byte in data:
        out = ((out << 8) & ((1 << bits) - 1)) ^ table[(out >> (bits - 8)) ^ byte]
    return out


def flac(samples, total=None, block=4096):
    """16 bit mono, not compressed; `samples`: int16 array, or a number of zeros (a few bytes an hour)."""
    silent = isinstance(samples, int)
    length = samples if silent else len(samples)
    block = 65535 if silent else block
    out = [b"fLaC", b"\x80\x00\x00\x22", struct.pack(">HH", block, block), bytes(6),
           ((RATE << 44) | (15 << 36) | ((length if total is None else total) & (2**36 - 1))).to_bytes(8, "big"), bytes(16)]
    for number, at in enumerate(range(0, length, block)):
        count = min(block, length - at)
        index = chr(number).encode()  # the frame's number is coded as UTF-8
        head = b"\xFF\xF8\x70\x08" + index + struct.pack(">H", count - 1)
        head += bytes([crc(head, 0x07, 8)])
        body = b"\x00\x00\x00" if silent else b"\x02" + samples[at:at + count].astype(">i2").tobytes()
        out += [head, body, struct.pack(">H", crc(head + body, 0x8005, 16))]
    return b"".join(out)


class Corpus:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rows = []

    def row(self, name, path, status, start="", end="", channel=""):
        if len(self.rows) % 6 == 0:
            number = sum(r[0].startswith("good") for r in self.rows)
            self.write(f"good{number}.wav", wav(pcm16(voice(number, 0.5 + 0.1 * (number % 7)))))
            self.rows.append((f"good{number}", f"good{number}.wav", "", "", "", "ok"))
        self.rows.append((name, path, start, end, channel, status))

    def write(self, path, content):
        with open(os.path.join(os.fsencode(self.folder), os.fsencode(path)), "wb") as out:
            out.write(content)

    def file(self, name, content, status, path=None, **piece):
        path = path or name
        self.write(path, content)
        self.row(name, path, status, **piece)


def not_files(c):
    good = wav(pcm16(voice(1)))
    c.row("missing", "nowhere/missing.wav", "missing")
    (c.folder / "folder.wav").mkdir()
    c.row("folder", "folder.wav", "missing")
    os.mkfifo(c.folder / "fifo.wav")
    c.row("fifo", "fifo.wav", "missing")
    c.row("device-zero", "/dev/zero", "missing")
    c.row("device-null", "/dev/null", "missing")
    c.row("device-random", "/dev/urandom", "missing")
    os.symlink("loop.wav", c.folder / "loop.wav")
    c.row("loop", "loop.wav", "missing")
    os.symlink("gone.wav", c.folder / "dangling.wav")
    c.row("dangling", "dangling.wav", "missing")
    with socket.socket(socket.AF_UNIX) as made:
        before = os.getcwd()
        os.chdir(c.folder)  # such names are short
        made.bind("socket.wav")
        os.chdir(before)
    c.row("socket", "socket.wav", "missing")
    c.row("no-name", "", "missing")
    c.row("long-name", "x" * 300 + ".wav", "missing")
    c.file("in-a-file", good, "ok", "plain.wav")
    c.row("below-a-file", "plain.wav/x.wav", "missing")
    c.row("command", "touch trace; cat good0.wav |", "missing")
    c.row("address", "http://localhost/a.wav", "missing")
    c.file("forbidden", good, "ok" if os.geteuid() == 0 else "missing")
    os.chmod(c.folder / "forbidden", 0)


def not_audio(c):
    rng = np.random.default_rng(1)
    c.file("empty", b"", "decode", "empty.wav")
    c.file("text", b"This is a text.\n" * 50, "decode", "text.wav")
    c.file("page", b"<html><body>404 Not Found</body></html>", "decode", "page.mp3")
    c.file("noise", rng.bytes(5000).replace(b"\xFF", b"\x01"), "decode", "noise.flac")
    c.file("zeros", bytes(100000), "decode", "zeros.ogg")
    c.file("picture", b"\x89PNG\r\n\x1a\n" + rng.bytes(2000).replace(b"\xFF", b"\x01"), "decode", "picture.wav")
    c.file("one-byte", b"R", "decode", "one.wav")
    c.file("magic-flac", b"fLaC" + b"\x42" * 300, "decode", "magic.flac")
    c.file("magic-ogg", b"OggS" + bytes(300), "decode", "magic.ogg")
    c.file("magic-id3", b"ID3\x04\x00\x00\x7F\x7F\x7F\x7F" + bytes(500), "decode", "magic.mp3")
    c.file("magic-mp4", b"\x00\x00\x00\x20ftypM4A " + bytes(500), "decode", "magic.m4a")
    c.file("magic-asf", bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C") + b"\xFF" * 500, "decode", "magic.wma")
    c.file("magic-matroska", b"\x1A\x45\xDF\xA3" + b"\xFF" * 500, "decode", "magic.mka")


def broken(c):
    samples = (voice(2) * 32767).astype("<i2")
    whole, packed = wav(pcm16(voice(2))), flac(samples)
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0x10
    c.file("header-alone", whole[:44], "decode", "head.wav")
    c.file("header-cut", whole[:30], "decode", "head-cut.wav")
    c.file("flac-cut", packed[:len(packed) // 2], "decode", "cut.flac")
    c.file("flac-flipped", bytes(flipped), "decode", "flipped.flac")
    c.file("flac-claims-more", flac(samples, 2 * len(samples)), "decode", "more.flac")
    c.file("flac-claims-eons", flac(samples, 2**36 - 1), "decode", "eons.flac")
    c.file("no-channels", wav(pcm16(voice(2)), channels=0), "decode", "ch0.wav")
    c.file("65-channels", wav(pcm16(np.repeat(voice(2), 65)), channels=65), "decode", "ch65.wav")
    c.file("1024-channels", wav(bytes(2 * 1024 * 2000), channels=1024), "decode", "ch1024.wav")
    c.file("65535-channels", wav(bytes(2 * 65535 * 3), channels=65535), "decode", "ch65535.wav")
    c.file("rate-0", wav(pcm16(voice(2)), rate=0), "decode", "rate0.wav")
    c.file("rate-1", wav(pcm16(voice(2)), rate=1), "decode", "rate1.wav")
    c.file("rate-huge", wav(pcm16(voice(2)), rate=2**31 - 1), "decode", "ratehuge.wav")
    c.file("codec-unknown", wav(pcm16(voice(2)), code=0x4242), "decode", "codec.wav")
    c.file("bits-0", wav(pcm16(voice(2)), bits=0), "decode", "bits0.wav")


def lengths(c):
    c.file("no-frames", wav(b""), "decode", "none.wav")
    c.file("one-sample", wav(pcm16(voice(3)[:1])), "too_short", "one-sample.wav")
    c.file("50-ms", wav(pcm16(voice(3, 0.05))), "too_short", "50ms.wav")
    c.file("8-frames", wav(pcm16(voice(3)[:1679])), "too_short", "1679.wav")
    c.file("9-frames", wav(pcm16(voice(3)[:1680])), "ok", "1680.wav")
    c.file("flac-hour", flac(3600 * RATE), "too_long", "hour.flac")
    c.file("flac-hour-unknown", flac(3600 * RATE, 0), "too_long", "hour0.flac")
    c.file("just-not-too-long", flac(MAX_SECONDS * RATE), "ok", "20s.flac")
    c.file("wav-sparse", wav(b"", data_size=0x7FFFFFF0), "too_long", "sparse.wav")
    os.truncate(c.folder / "sparse.wav", 2**31)  # takes no room on the disk
    c.file("piece-of-an-hour", flac(3600 * RATE), "ok", "hour2.flac", start="3599", end="3600")


def values(c):
    floats = voice(4).astype("<f4")
    for name, value, at in (("nan", np.nan, 100), ("inf", np.inf, 100), ("minus-inf", -np.inf, len(floats) - 1)):
        changed = floats.copy()
        changed[at] = value
        c.file(name, wav(changed.tobytes(), bits=32, code=FORMAT_FLOAT), "nonfinite", name + ".wav")
    c.file("double-overflow", wav((voice(4) * 1e300).astype("<f8").tobytes(), bits=64, code=FORMAT_FLOAT), "nonfinite",
           "double.wav")
    # Squares of these are no float32; our features are float64 inside.
    c.file("float-huge", wav((voice(4) * 3e38).astype("<f4").tobytes(), bits=32, code=FORMAT_FLOAT), "ok", "huge.wav")
    c.file("float-tiny", wav((voice(4) * 1e-40).astype("<f4").tobytes(), bits=32, code=FORMAT_FLOAT), "ok", "tiny.wav")
    c.file("silence", wav(bytes(2 * RATE)), "ok", "silence.wav")
    c.file("constant", wav(pcm16(np.ones(RATE))), "ok", "constant.wav")
    c.file("square", wav(pcm16(np.sign(voice(4)))), "ok", "square.wav")


def odd_but_good(c):
    x = voice(5)
    whole = wav(pcm16(x))
    c.file("claims-more", wav(pcm16(x), data_size=0x7FFFFFF0), "ok", "more.wav")
    c.file("claims-less", wav(pcm16(x), data_size=RATE), "ok", "less.wav")
    c.file("streamed", wav(pcm16(x), data_size=0xFFFFFFFF), "ok", "streamed.wav")
    c.file("flac-unknown-length", flac((x * 32767).astype("<i2"), 0), "ok", "unknown.flac")
    c.file("rubbish-behind", flac((x * 32767).astype("<i2")) + b"\x00\x01rubbish" * 99, "ok", "rubbish.flac")
    c.file("chunks-between", wav(pcm16(x), extra=b"LIST" + struct.pack("<I", 8) + b"INFOxxxx"), "ok", "chunks.wav")
    c.file("64-channels", wav(pcm16(np.repeat(x, 64)), channels=64), "ok", "ch64.wav")
    c.file("500-kHz", wav(pcm16(voice(5, 1, 500000)), rate=500000), "ok", "500k.wav")
    for rate in (1000, 8000, 11025, 24000, 44100, 47999, 1000000):
        c.file(f"rate-{rate}", wav(pcm16(voice(5, 1, rate)), rate=rate), "ok", f"rate{rate}.wav")
    c.file("8-bit", wav((x * 100 + 128).astype("u1").tobytes(), bits=8), "ok", "8bit.wav")
    c.file("24-bit", wav(b"".join(int(v * 2**22).to_bytes(3, "little", signed=True) for v in x), bits=24), "ok", "24bit.wav")
    c.file("wrong-suffix", whole, "ok", "really-a-wav.mp3")
    c.file("no-suffix", whole, "ok", "nosuffix")
    os.symlink("good0.wav", c.folder / "link.wav")
    c.row("link", "link.wav", "ok")


def names(c):
    whole = wav(pcm16(voice(6)))
    for name in ("new\nline", "return\r", "com,ma", 'quo"te', "' or 1=1 --", " blanks ", "-", "--help", "#hash", "ta\tb", "*?[]",
                 "$(touch trace)", "`touch trace`", "é \u4f60\u597d \U0001F600", "\udcff\udcfe not utf-8", "%s%n", "a|b"):
        c.file(name, whole, "ok", name)


def pieces(c):
    c.file("piece", wav(pcm16(np.repeat(voice(7, 2), 2)), channels=2), "ok", "stereo.wav", start="0.5", end="1.5", channel="1")
    c.row("piece-overlapping", "stereo.wav", "ok", start="1", end="2")
    c.row("piece-rounded", "stereo.wav", "ok", start="1", end="2.004")
    c.row("piece-open", "stereo.wav", "ok", start="1.5")
    c.row("piece-short", "stereo.wav", "too_short", start="1", end="1.05")
    c.row("piece-ends-behind", "stereo.wav", "out_of_range", start="1", end="3")
    c.row("piece-begins-behind", "stereo.wav", "out_of_range", start="9", end="10")
    c.row("piece-far", "stereo.wav", "out_of_range", start="1e15")
    c.row("piece-channel", "stereo.wav", "out_of_range", channel="2")
    c.row("piece-of-nothing", "nowhere/missing.wav", "missing", start="1")
    c.row("piece-before-damage", "flipped.flac", "ok", start="0", end="0.25")
    c.row("piece-behind-damage", "flipped.flac", "decode", start="0.75", end="1")


def with_ffmpeg(c, readable):
    def convert(name, *options):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", c.folder / "good0.wav", *options, c.folder / name], check=True)
        return (c.folder / name).read_bytes()

    m4a = convert("a.m4a", "-movflags", "+faststart")
    c.row("m4a", "a.m4a", readable)
    c.file("m4a-cut", m4a[:len(m4a) * 2 // 3], "decode", "cut.m4a")
    convert("a.wma")
    c.row("wma", "a.wma", readable)
    convert("drm.mp4", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 32, "-encryption_kid", "0" * 31 + "1")
    c.row("mp4-encrypted", "drm.mp4", "decode")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", "-c:v",
                    "mpeg4", c.folder / "film.mp4"], check=True)
    c.row("film-without-sound", "film.mp4", "decode")


def make(folder, ffmpeg=shutil.which("ffmpeg") is not None, built_with_ffmpeg=True):
    """ffmpeg: the program is there to make such files; built_with_ffmpeg: balr reads them."""
    corpus = Corpus(folder)
    for kind in (not_files, not_audio, broken, lengths, values, odd_but_good, names, pieces):
        kind(corpus)
    if ffmpeg:
        with_ffmpeg(corpus, "ok" if built_with_ffmpeg else "decode")
    return corpus.rows


def write_csv(path, rows):
    """Names are bytes: Python's text form of those that are not UTF-8 becomes these bytes again."""
    import csv
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(("id", "audio", "start", "end", "channel"))
        writer.writerows(row[:5] for row in rows)
    return path


if __name__ == "__main__":
    write_csv(Path(sys.argv[1]) / "hostile.csv", make(sys.argv[1]))
