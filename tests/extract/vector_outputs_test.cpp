#include "extract/vector_outputs.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Floats = std::vector<float>;

class VectorOutputsTest : public ::testing::Test {
 protected:
  Manifest manifest(const std::vector<std::string>& paths) const {
    Manifest out;
    out.source = root() / "in.csv";
    for (const std::string& path : paths) {
      Utterance row;
      row.id = path;
      row.path = path.empty() || path[0] == '/' ? path : (root() / path).string();
      out.rows.push_back(row);
    }
    return out;
  }
  std::string name(const VectorOutputs& outputs, std::int64_t row) const {
    return fs::path(outputs.file(row)).lexically_relative(root()).string();
  }
  fs::path root() const { return folder_.path(); }

 private:
  test::TempDir folder_;
};

TEST_F(VectorOutputsTest, BesideTheAudioOrInItsFoldersBelowTheCommonOne) {
  const Manifest m = manifest({"d/a/x.wav", "d/b/../b/y.1.flac", "", "d/b/c/z.wav"});
  const VectorOutputs beside(m, VectorFormat::kPickle, {});
  EXPECT_EQ(name(beside, 0), "d/a/x_emb.pkl");
  EXPECT_EQ(name(beside, 1), "d/b/y.1_emb.pkl");
  EXPECT_EQ(beside.file(2), "");
  EXPECT_EQ(beside.cell(0, root() / "out"), beside.file(0));
  const VectorOutputs below(m, VectorFormat::kText, root() / "out");
  EXPECT_EQ(name(below, 0), "out/a/x_emb.txt");
  EXPECT_EQ(name(below, 3), "out/b/c/z_emb.txt");
  EXPECT_EQ(below.cell(3, root() / "out"), "b/c/z_emb.txt");
  // One file: in the folder, not beside it.
  EXPECT_EQ(name(VectorOutputs(manifest({"d/x.wav"}), VectorFormat::kPickle, root() / "out"), 0),
            "out/x_emb.pkl");
  EXPECT_EQ(
      name(VectorOutputs(manifest({"d/x.wav", "/y.wav"}), VectorFormat::kPickle, root() / "out"),
           1),
      "out/y_emb.pkl");
}

TEST_F(VectorOutputsTest, NoTwoRowsShareAFile) {
  const VectorOutputs outputs(manifest({"a.wav", "a.flac", "b.wav"}), VectorFormat::kPickle, {});
  EXPECT_EQ(name(outputs, 0), "a.wav_emb.pkl");
  EXPECT_EQ(name(outputs, 1), "a.flac_emb.pkl");
  EXPECT_EQ(name(outputs, 2), "b_emb.pkl");
  EXPECT_THROW(VectorOutputs(manifest({"a.wav", "a.wav"}), VectorFormat::kPickle, {}), DataError);
}

TEST_F(VectorOutputsTest, WritesRowsThatHaveAnEmbedding) {
  const Manifest m = manifest({"0.wav", "d/1.wav", "d/2.wav", "e/3.wav"});
  const VectorOutputs outputs(m, VectorFormat::kPickle, root() / "out");
  StoreRows rows;
  rows.dimension = 2;
  rows.embeddings = {1, 2, 0, 0, 5, 6};
  rows.status = {0, static_cast<std::uint8_t>(RowStatus::kDecode), 0};
  outputs.write(1, rows);
  EXPECT_EQ(read_vector_file(outputs.file(1)).values, (Floats{1, 2}));
  EXPECT_EQ(read_vector_file(outputs.file(3)).values, (Floats{5, 6}));
  EXPECT_FALSE(fs::exists(outputs.file(0)) || fs::exists(outputs.file(2)));
  std::ofstream(root() / "plain") << "x";
  EXPECT_THROW(VectorOutputs(m, VectorFormat::kPickle, root() / "plain").write(1, rows), IoError);
}

TEST_F(VectorOutputsTest, FindsWhatIsThere) {
  Manifest m = manifest({"a.wav", "b.wav", "c.wav", "d.wav", "e.wav", ""});
  m.rows[1].embedding = "v/b.npy";
  m.rows[4].embedding = "none.pkl";
  const VectorOutputs outputs(m, VectorFormat::kPickle, root() / "out");
  const auto put = [&](const fs::path& file, const Floats& values) {
    fs::create_directories(file.parent_path());
    write_vector_file(file, vector_file_content(values, {static_cast<std::int64_t>(values.size())},
                                                *vector_format_of(file)));
  };
  put(root() / "a_emb.txt", {1, 2});
  put(root() / "there" / "v" / "b.npy", {3, 4});
  put(outputs.file(2), {5, 6});
  const auto find = [&](std::int64_t row) { return outputs.find(row, root() / "there", 2); };
  EXPECT_EQ(find(0)->embedding, (Floats{1, 2}));
  EXPECT_EQ(find(0)->status, RowStatus::kOk);
  EXPECT_EQ(find(0)->reason, kTakenNote);
  EXPECT_EQ(find(1)->embedding, (Floats{3, 4}));
  EXPECT_EQ(find(2)->embedding, (Floats{5, 6}));
  EXPECT_EQ(find(2)->row, 2);
  for (const std::int64_t row : {3, 4, 5}) EXPECT_FALSE(find(row)) << row;
  // A file that a killed run left half-written, or without sense, is computed again.
  std::ofstream(root() / "a_emb.txt") << "1 2 x";
  EXPECT_FALSE(find(0));
  std::ofstream(root() / "a_emb.txt") << "1 nan";
  EXPECT_FALSE(find(0));
  std::ofstream(root() / "a_emb.txt") << "1 2 3";
  EXPECT_THROW(find(0), DataError);
}

}  // namespace
}  // namespace balr
