"""The store of an extraction is the same bytes whichever instruction set and however many threads computed it."""
import hashlib
import unittest

from harness import ModelTestCase, main, make_corpus, run


def supported_paths():
    with open("/proc/cpuinfo") as info:
        flags = next((line.split(":")[1].split() for line in info if line.startswith("flags")), [])
    return [path for path, flag in (("avx2", "avx2"), ("avx512", "avx512bw")) if flag in flags]


class Kernels(ModelTestCase):
    def store(self, data, name, *more, **env):
        out = self.dir / name
        run("extract", "--save-dir", out, data, f"embeddings.model.model_repo={self.model}",
            "embeddings.model.model_name=avg_model", *more, **env)
        return hashlib.sha256((out / "embeddings.h5").read_bytes()).hexdigest()

    def test_same_store_on_every_path_and_number_of_threads(self):
        paths = supported_paths()
        if not paths:
            self.skipTest("this processor has neither AVX2 nor AVX-512: there is only the plain path")
        data = make_corpus(self.dir, 2, 3)
        for convolution in ("winograd", "direct"):
            stores = {self.store(data, f"{convolution}-{path}-{threads}", f"embeddings.convolution={convolution}",
                                 f"num_threads={threads}", BALR_KERNELS=path)
                      for path in paths for threads in (1, 2)}
            self.assertEqual(len(stores), 1, convolution)


if __name__ == "__main__":
    main()
