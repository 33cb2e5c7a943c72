#include "balr/dataset/convert.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/data/audio.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;
using Floats = std::vector<float>;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class Convert : public ::testing::Test {
 protected:
  fs::path root() const { return folder_.path(); }
  fs::path store() const { return root() / "in" / "embeddings.h5"; }

  // Three rows, of which the second failed.
  void SetUp() override {
    StoreRows rows;
    rows.dimension = 2;
    rows.embeddings = {1, -2, kNaN, kNaN, 0.1f, 1e-40f};
    rows.ids = {"id9/b.wav", "id9/c.wav", "id10/a.b.flac"};
    rows.speakers = {"id9", "id9", "id10"};
    rows.status = {0, static_cast<std::uint8_t>(RowStatus::kDecode), 0};
    rows.seconds = {2, 0, 3};
    rows.source_rate = {16000, 0, 8000};
    fs::create_directories(root() / "in");
    StoreInfo info;
    info.model_repo = "repo";
    info.model_name = "net";
    info.model_sha256 = "5ha";
    info.identity = "of the extraction";
    info.total_rows = 3;
    write_store(store(), info, rows);
  }

  ConvertOptions options(const fs::path& input, const std::string& folder) const {
    ConvertOptions out;
    out.input = input;
    out.folder = root() / folder;
    return out;
  }
  Texts files(const std::string& folder) const {
    Texts out;
    for (const auto& entry : fs::recursive_directory_iterator(root() / folder))
      if (entry.is_regular_file())
        out.push_back(entry.path().lexically_relative(root() / folder).string());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  test::TempDir folder_;
};

TEST_F(Convert, EveryFormatGivesTheSameTableAgain) {
  const VectorTable before = open_vectors(store(), {}, true);
  const struct {
    ExportFormat format;
    const char* input;
    Texts files;
  } cases[] = {
      {ExportFormat::kPickle,
       "metadata.csv",
       {"id10/a.b_emb.pkl", "id9/b_emb.pkl", "metadata.csv"}},
      {ExportFormat::kText, "metadata.csv", {"id10/a.b_emb.txt", "id9/b_emb.txt", "metadata.csv"}},
      {ExportFormat::kNpy, "metadata.csv", {"embeddings.npy", "metadata.csv"}},
      {ExportFormat::kKaldi, "embeddings.scp", {"embeddings.ark", "embeddings.scp", "utt2spk"}},
  };
  for (const auto& c : cases) {
    const std::string folder = "out" + std::to_string(static_cast<int>(c.format));
    SCOPED_TRACE(folder);
    const ConvertCounts counts = export_vectors(options(store(), folder), c.format);
    EXPECT_EQ(counts.rows, 2);
    EXPECT_EQ(counts.left_out, 1);
    EXPECT_EQ(files(folder), c.files);
    const VectorTable after = open_vectors(root() / folder / c.input, {}, true);
    EXPECT_EQ(after.content_hash, before.content_hash) << "ids, speakers and every bit";
    // And back into a store.
    EXPECT_EQ(import_vectors(options(root() / folder / c.input, folder + "-h5"), "1").rows, 2);
    for (const char* back : {"embeddings.h5", "metadata.csv", ""})
      EXPECT_EQ(open_vectors(root() / (folder + "-h5") / back, {}, true).content_hash,
                before.content_hash);
  }
}

TEST_F(Convert, ImportKeepsOrderFailuresAndTheModel) {
  const fs::path csv = root() / "in" / "part.csv";
  std::ofstream(csv) << "id,speaker,embedding\nz,s,embeddings.h5#2\na,t,embeddings.h5#1\nb,,\nc,s,"
                        "embeddings.h5#0\n";
  const ConvertCounts counts = import_vectors(options(csv, "part"), "7.8");
  EXPECT_EQ(counts.rows, 2);
  EXPECT_EQ(counts.left_out, 2);
  const Store part = read_store(root() / "part" / "embeddings.h5");
  EXPECT_EQ(part.rows.ids, (Texts{"z", "a", "b", "c"}));
  EXPECT_EQ(part.rows.speakers, (Texts{"s", "t", "", "s"}));
  EXPECT_EQ(part.rows.status,
            (std::vector<std::uint8_t>{0, static_cast<std::uint8_t>(RowStatus::kDecode),
                                       static_cast<std::uint8_t>(RowStatus::kMissing), 0}));
  EXPECT_EQ(part.rows.embeddings[0], 0.1f);
  EXPECT_TRUE(std::isnan(part.rows.embeddings[2]));
  EXPECT_EQ(part.rows.seconds, (Floats{3, 0, 0, 2}));
  EXPECT_EQ(part.rows.source_rate, (std::vector<std::int32_t>{8000, 0, 0, 16000}));
  EXPECT_EQ(part.info.model_sha256, "5ha");
  EXPECT_EQ(part.info.program_version, "7.8");
  EXPECT_NE(part.info.identity, "of the extraction") << "extract must not take it for its own";
  EXPECT_EQ(read_file(root() / "part" / "metadata.csv"),
            "id,speaker,embedding\nz,s,embeddings.h5#0\na,t,\nb,,\nc,s,embeddings.h5#3\n");
}

TEST_F(Convert, NothingIsReplacedWithoutForce) {
  export_vectors(options(store(), "out"), ExportFormat::kPickle);
  EXPECT_THROW(export_vectors(options(store(), "out"), ExportFormat::kText), DataError);
  ConvertOptions again = options(store(), "out");
  again.force = true;
  EXPECT_EQ(export_vectors(again, ExportFormat::kText).rows, 2);
  import_vectors(options(store(), "new"), "1");
  EXPECT_THROW(import_vectors(options(store(), "new"), "1"), DataError);
  EXPECT_THROW(import_vectors(options(store(), "in"), "1"), DataError);
  EXPECT_THROW(export_vectors(options(root() / "none", "out2"), ExportFormat::kNpy), DataError);
  EXPECT_FALSE(fs::exists(root() / "out2"));
}

TEST_F(Convert, IdsOfAnyKindStayInsideTheFolder) {
  const Texts ids = {"../../up", "/abs/x", "a//b",  "a/./c", "..",
                     "x.wav",    "x.flac", "y.wav", "1.5",   ".wav"};
  StoreRows rows;
  rows.dimension = 1;
  for (const std::string& id : ids) {
    rows.ids.push_back(id);
    rows.speakers.push_back("");
    rows.embeddings.push_back(static_cast<float>(rows.ids.size()));
    rows.status.push_back(0);
    rows.seconds.push_back(0);
    rows.source_rate.push_back(0);
  }
  StoreInfo info;
  info.total_rows = static_cast<std::int64_t>(ids.size());
  write_store(store(), info, rows);
  export_vectors(options(store(), "out"), ExportFormat::kPickle);
  EXPECT_EQ(files("out"), (Texts{".wav_emb.pkl", "1.5_emb.pkl", "_/_/up_emb.pkl", "_/abs/x_emb.pkl",
                                 "__emb.pkl", "a/_/b_emb.pkl", "a/_/c_emb.pkl", "metadata.csv",
                                 "x.flac_emb.pkl", "x.wav_emb.pkl", "y_emb.pkl"}));
  EXPECT_EQ(open_vectors(root() / "out" / "metadata.csv", {}, false).content_hash,
            open_vectors(store(), {}, false).content_hash);
  // Two ids that are one file, and one that is no Kaldi key.
  rows.ids = {"a//b", "a/./b", "c d"};
  rows.speakers.resize(3);
  rows.embeddings.resize(3);
  rows.status.resize(3);
  rows.seconds.resize(3);
  rows.source_rate.resize(3);
  info.total_rows = 3;
  write_store(store(), info, rows);
  EXPECT_THROW(export_vectors(options(store(), "out3"), ExportFormat::kPickle), DataError);
  EXPECT_THROW(export_vectors(options(store(), "out4"), ExportFormat::kKaldi), DataError);
  EXPECT_TRUE(files("out4").empty()) << "no half of a table";
}

TEST_F(Convert, BinaryAttributesKeepTheirShape) {
  std::ofstream(root() / "a_ba.txt") << "1 0\n0 1\n1 0\n";
  std::ofstream(root() / "m.csv") << "id,binary_attributes\na,a_ba.txt\n";
  ConvertOptions ba = options(root() / "m.csv", "out");
  ba.open.kind = VectorKind::kBinaryAttributes;
  export_vectors(ba, ExportFormat::kPickle);
  EXPECT_EQ(read_file(root() / "out" / "metadata.csv"), "id,binary_attributes\na,a_ba.pkl\n");
  const VectorArray array = read_vector_file(root() / "out" / "a_ba.pkl");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(array.values, (Floats{1, 0, 0, 1, 1, 0}));
}

}  // namespace
}  // namespace balr
