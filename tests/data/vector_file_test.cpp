#include "balr/data/vector_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using Shape = std::vector<std::int64_t>;

VectorArray pickled(const std::string& bytes) {
  return parse_vector(bytes, VectorFormat::kPickle, "x.pkl");
}

std::string refusal(const std::string& bytes, VectorFormat format = VectorFormat::kPickle) {
  try {
    parse_vector(bytes, format, "x");
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

// pickle.dumps(numpy.array([[1.5, -2], [0.25, 4]], numpy.float32), p) of numpy 1.26.4, the parts
// before and after the globals' module.
const std::string kRaw = "\0\0\xc0\x3f\0\0\0\xc0\0\0\x80\x3e\0\0\x80\x40"s;
const std::string kType =
    "cnumpy\ndtype\nX\x02\0\0\0f4\x89\x88\x87R(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"s;
std::string protocol_3(const std::string& module) {
  return "\x80\x03"
         "c" +
         module + ".multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"s +
         "C\1b\x87R(K\1K\2K\2\x86"s + kType + "\x89"s + "C\x10"s + kRaw + "tb."s;
}
std::string protocol_5(const std::string& module, const std::string& order) {
  return "\x80\x05"
         "c" +
         module + ".numeric\n_frombuffer\n(\x96\x10\0\0\0\0\0\0\0"s + kRaw + kType +
         "K\2K\2\x86X\1\0\0\0"s + order + "tR."s;
}

TEST(PickledArray, BothSpellingsAndOrders) {
  const std::vector<float> c{1.5f, -2, 0.25f, 4}, f{1.5f, 0.25f, -2, 4};
  for (const char* module : {"numpy.core", "numpy._core"}) {
    EXPECT_EQ(pickled(protocol_3(module)).values, c);
    EXPECT_EQ(pickled(protocol_3(module)).shape, (Shape{2, 2}));
    EXPECT_EQ(pickled(protocol_5(module, "C")).values, c);
    EXPECT_EQ(pickled(protocol_5(module, "F")).values, f);
  }
}

// Every file that numpy 1.26.4 and 2.5.5 wrote, and the six that must be refused.
TEST(PickledArray, FilesOfNumpy) {
  BALR_NEEDS_TEST_DATA();
  const fs::path folder = test::test_data_folder() / "golden" / "pickles";
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json"));
  int good = 0, bad = 0;
  for (const auto& [name, about] : manifest.items()) {
    SCOPED_TRACE(name);
    if (name == "_bad") {
      for (const auto& [file, why] : about.items()) {
        EXPECT_THROW(read_vector_file(folder / file), DataError) << file << ": " << why;
        ++bad;
      }
      continue;
    }
    const VectorArray array = read_vector_file(folder / name);
    EXPECT_EQ(array.shape, about["shape"].get<Shape>());
    EXPECT_EQ(array.values, about["values"].get<std::vector<float>>());
    ++good;
  }
  EXPECT_EQ(good, 58);
  EXPECT_EQ(bad, 6);
  // Ours are numpy 1.26's bytes.
  for (const char* name : {"numpy1_f4_256_p4.pkl", "numpy1_f4_p4.pkl", "numpy1_f4_2d_p4.pkl"}) {
    const VectorArray array = read_vector_file(folder / name);
    EXPECT_EQ(vector_file_content(array.values, array.shape, VectorFormat::kPickle),
              read_file(folder / name));
  }
}

TEST(PickledArray, ProgramsAreRefusedByName) {
  const std::string id = "X\2\0\0\0id\x85R."s;
  EXPECT_NE(refusal("\x80\2cos\nsystem\n"s + id).find("os.system"), std::string::npos);
  EXPECT_NE(refusal("\x80\2cposix\nsystem\n"s + id).find("posix.system"), std::string::npos);
  EXPECT_NE(refusal("\x80\2c__builtin__\neval\n"s + id).find("__builtin__.eval"),
            std::string::npos);
  EXPECT_NE(refusal("\x80\4\x8c\x08"
                    "builtins\x8c\4eval\x93"s +
                    id)
                .find("builtins.eval"),
            std::string::npos);
  EXPECT_NE(refusal("\x80\2cnumpy\nload\n"s + id).find("numpy.load"), std::string::npos);
  EXPECT_NE(refusal("\x80\2cnumpy.core.multiarray\nscalar\n"s + id).find("scalar"),
            std::string::npos);
  EXPECT_NE(refusal("\x80\2c__builtin__\nbytes\nK\5\x85R."s).find("bytes"), std::string::npos);
  EXPECT_NE(refusal("\x80\2cnumpy\nndarray\n"s + id).find("numpy.ndarray"), std::string::npos);
  EXPECT_NE(refusal("\x80\2cx\n\x1b[31mred\n"s + id).find("x.?[31mred"), std::string::npos);
  for (const char* opcode : {"cnumpy\nndarray\n)\x81.", "(cnumpy\nndarray\no.", "(ios\nsystem\n.",
                             "\x82\1.", "P0\n.", "\x97."})
    EXPECT_NE(refusal("\x80\5"s + opcode), "accepted") << opcode;
}

TEST(PickledArray, MalformedOnes) {
  const std::string good = protocol_5("numpy.core", "C");
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_NE(refusal(good.substr(0, n)), "accepted") << n;
    const std::string other = protocol_3("numpy._core");
    if (n < other.size()) {
      EXPECT_NE(refusal(other.substr(0, n)), "accepted") << n;
    }
  }
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    return refusal(text.replace(at, from.size(), to));
  };
  // Shapes and lengths that the data are not.
  EXPECT_NE(with("K\2K\2\x86", "K\2K\3\x86"), "accepted");
  EXPECT_NE(with("K\2K\2\x86", "K\4J\xff\xff\xff\x7f\x86"), "accepted");
  EXPECT_NE(with("K\2K\2\x86", "K\4J\xff\xff\xff\xff\x86"), "accepted");
  EXPECT_NE(with("K\2K\2\x86",
                 "\x8a\x08\0\0\0\0\0\0\0\x40"
                 "K\4\x86"s),
            "accepted");
  EXPECT_EQ(with("K\2K\2\x86", "K\4\x85"), "accepted");
  EXPECT_NE(with("\x96\x10\0\0\0\0\0\0\0"s, "\x96\xff\xff\xff\xff\xff\xff\xff\x7f"), "accepted");
  // Types.
  for (const char* type : {"O8", "U1", "S4", "c8", "V4", "f16", "M8", "i4", "f", "", "f44"})
    EXPECT_NE(
        with("X\2\0\0\0f4"s, "X"s + static_cast<char>(std::string(type).size()) + "\0\0\0"s + type),
        "accepted")
        << type;
  EXPECT_NE(with("X\1\0\0\0<"s, "X\1\0\0\0x"s), "accepted");
  EXPECT_NE(with("NNN", "NK\1N"), "accepted") << "a structured type";
  // Memo bombs and cycles cost what they are long.
  EXPECT_NE(refusal("\x80\4N"s + std::string(5'000'000, '\x94')).find("too long"),
            std::string::npos);
  EXPECT_NE(refusal("\x80\4]\x94h\0a."s), "accepted") << "a list that holds itself";
  EXPECT_NE(refusal("\x80\4"s + std::string(900, '(') + std::string(99, 't') + "."), "accepted");
}

// Whatever bytes come: an array or a DataError.
TEST(PickledArray, SurvivesAnyChange) {
  std::mt19937_64 random(3);
  const std::string seeds[] = {protocol_3("numpy._core"), protocol_5("numpy.core", "F")};
  int refused = 0, accepted = 0;
  for (int round = 0; round < test::by_level(20'000, 200'000, 2'000'000); ++round) {
    std::string pickle = seeds[round % 2];
    for (std::uint64_t flips = random() % 4; flips > 0 && !pickle.empty(); --flips) {
      const std::size_t at = random() % pickle.size();
      switch (random() % 3) {
        case 0:
          pickle[at] = static_cast<char>(random());
          break;
        case 1:
          pickle.insert(at, 1, seeds[0][random() % seeds[0].size()]);
          break;
        default:
          pickle.erase(at, 1);
          break;
      }
    }
    (refusal(pickle) == "accepted" ? accepted : refused)++;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 1000);
}

TEST(TextArray, AsLoadtxtReadsIt) {
  const auto read = [](const std::string& text) {
    return parse_vector(text, VectorFormat::kText, "x.txt");
  };
  const auto column = read("1.5\n-2e0\n\n# a comment\n+inf # and one\nnan\n1e400\n1e-400\n");
  EXPECT_EQ(column.shape, (Shape{6}));
  EXPECT_EQ(column.values[1], -2);
  EXPECT_TRUE(std::isinf(column.values[2]) && std::isnan(column.values[3]));
  EXPECT_TRUE(std::isinf(column.values[4]));
  EXPECT_EQ(column.values[5], 0);
  EXPECT_EQ(read("1 2\t3\r\n").shape, (Shape{3}));
  const auto table = read("1 2\n3 4\n5 6");
  EXPECT_EQ(table.shape, (Shape{3, 2}));
  EXPECT_EQ(table.values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(read("7").shape.empty());
  for (const char* text :
       {"", "\n#\n", "1 2\n3\n", "1,2\n", "x", "0x10", "1_0", "nan(1)", "--1", "+-1", "1e"})
    EXPECT_NE(refusal(text, VectorFormat::kText), "accepted") << text;
  EXPECT_NE(refusal("1\n2\nx\n", VectorFormat::kText).find("line 3"), std::string::npos);
}

TEST(Npy, HeadersOfAnyKind) {
  const std::string raw = "\0\0\xc0\x3f\0\0\0\xc0"s;
  const auto file = [&](const std::string& header, char version = 1) {
    std::string out = "\x93NUMPY"s + version + '\0' + static_cast<char>(header.size()) + '\0';
    if (version > 1) out += "\0\0"s;
    return out + header + raw;
  };
  const auto read = [](const std::string& bytes) {
    return parse_vector(bytes, VectorFormat::kNpy, "x.npy");
  };
  const std::string plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  \n";
  EXPECT_EQ(read(file(plain)).values, (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(read(file(plain, 3)).values, (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(read(file("{\"shape\":(2,1),\"fortran_order\":True,\"descr\":\"<f4\"}")).shape,
            (Shape{2, 1}));
  EXPECT_EQ(read(file("{'descr': '<i8', 'fortran_order': False, 'shape': ()}")).values.size(), 1u);
  for (const char* header :
       {"", "{}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(9223372036854775807,9223372036854775807), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,", "{'x': 1}", "__import__('os')",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } + 1"})
    EXPECT_NE(refusal(file(header), VectorFormat::kNpy), "accepted") << header;
  const std::string good = file(plain);
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_NE(refusal(good.substr(0, n), VectorFormat::kNpy), "accepted") << n;
}

TEST(VectorFile, WrittenAndReadAgain) {
  test::TempDir folder;
  std::vector<float> values(10);
  std::iota(values.begin(), values.end(), -3.5f);
  for (const Shape& shape : {Shape{10}, Shape{5, 2}})
    for (const auto format : {VectorFormat::kPickle, VectorFormat::kText, VectorFormat::kNpy}) {
      const fs::path file = folder.path() / ("a" + std::string(extension_of(format)));
      write_vector_file(file, vector_file_content(values, shape, format));
      const VectorArray array = read_vector_file(file);
      EXPECT_EQ(array.shape, shape);
      EXPECT_EQ(array.values, values);
    }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 3) << "no temporary files";
  EXPECT_THROW(read_vector_file(folder.path() / "none.pkl"), DataError);
  EXPECT_THROW(read_vector_file(folder.path() / "a.wav"), DataError);
  fs::create_directory(folder.path() / "d.pkl");
  EXPECT_THROW(read_vector_file(folder.path() / "d.pkl"), DataError);
  EXPECT_THROW(write_vector_file(folder.path() / "none" / "a.pkl", "x"), IoError);
}

// SHA-256 of what numpy 2.4.6 writes for the same arrays (pickle: with the module's name of numpy
// 1).
TEST(VectorFile, SameBytesAsNumpy) {
  std::vector<float> values(256), thirds(256);
  std::iota(values.begin(), values.end(), 0.0f);
  for (std::size_t i = 0; i < 256; ++i) thirds[i] = values[i] / 3.0f;
  EXPECT_EQ(sha256_hex(vector_file_content(values, {256}, VectorFormat::kPickle)),
            "652bd5c53521d027df2d5c9406d4778552e71fabd374e29627fd2471e399088a");
  EXPECT_EQ(sha256_hex(vector_file_content(values, {256}, VectorFormat::kNpy)),
            "48a4f11b16a16c207746135f28ab8421adb2d5ce49c432874956d453148e25e9");
  EXPECT_EQ(sha256_hex(vector_file_content(std::span(values).first(6), {3, 2}, VectorFormat::kNpy)),
            "bb3905ae49129159d6bc99ce6d7d4b5db621bd30476913e80f1495393cc98a7a");
  EXPECT_EQ(sha256_hex(vector_file_content(thirds, {256}, VectorFormat::kText)),
            "36a5f46f466ab27aed3c53380948f0ef41524c58431a258691b54a03e6762beb");
}

TEST(VectorFile, NamesAsThePythonBalr) {
  const auto name = [](const char* reference, VectorKind kind = VectorKind::kEmbedding) {
    return vector_file_name(reference, kind, VectorFormat::kPickle).string();
  };
  EXPECT_EQ(name("/d/a.wav"), "/d/a_emb.pkl");
  EXPECT_EQ(name("a_emb.txt"), "a_emb.pkl");
  EXPECT_EQ(name("a_emb.pkl", VectorKind::kBinaryAttributes), "a_emb_ba.pkl");
  EXPECT_EQ(name("a.1.wav"), "a.1_emb.pkl") << "not as Python, where a.1.wav and a.2.wav share one";
  EXPECT_EQ(name("a"), "a_emb.pkl");
  test::TempDir folder;
  const fs::path audio = folder.path() / "u.flac";
  EXPECT_FALSE(find_vector_file(audio, VectorKind::kEmbedding));
  std::ofstream(folder.path() / "u_emb.pkl") << "x";
  EXPECT_EQ(find_vector_file(audio, VectorKind::kEmbedding), folder.path() / "u_emb.pkl");
  std::ofstream(folder.path() / "u_emb.txt") << "x";
  EXPECT_EQ(find_vector_file(audio, VectorKind::kEmbedding), folder.path() / "u_emb.txt");
  EXPECT_FALSE(find_vector_file(audio, VectorKind::kBinaryAttributes));
}

}  // namespace
}  // namespace balr
