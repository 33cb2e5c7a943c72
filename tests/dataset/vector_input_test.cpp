// Inputs whose vectors lie in files of their own: the Python balr's, Kaldi's, numpy's.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "balr/core/error.hpp"
#include "balr/data/kaldi_table.hpp"
#include "balr/data/vector_file.hpp"
#include "balr/dataset/vector_table.hpp"
#include "dataset/input_folder.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;
using Floats = std::vector<float>;

class VectorInputs : public test::InputFolder {
 protected:
  // A vector file by the name's extension.
  void vector(const std::string& name, const Floats& values,
              std::vector<std::int64_t> shape = {}) const {
    if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
    file(name, values, shape);
  }
  std::string refusal(const fs::path& input, const fs::path& base = {}) const {
    try {
      open_vectors(input, base, true);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  void expect_refused(const fs::path& input, const Texts& texts) const {
    expect_parts(refusal(input), texts);
  }
};

TEST_F(VectorInputs, AColumnOfVectorFilesOfAnyFormat) {
  vector("v/a_emb.pkl", {1, 2});
  vector("v/b_emb.txt", {3, 4});
  vector("v/c.npy", {5, 6});
  vector("all.npy", {7, 8, 9, 10}, {2, 2});
  const fs::path csv = text("m.csv", "id,embedding,speaker\n10,v/a_emb.pkl,s\n9," +
                                         (root() / "v/b_emb.txt").string() +
                                         ",t\n2,v/c.npy,s\n1,,s\n11,all.npy#1,u\n");
  const VectorTable table = open_vectors(csv, {}, true);
  EXPECT_EQ(table.ids, (Texts{"2", "9", "10", "11"}));
  EXPECT_EQ(table.values, (Floats{5, 6, 3, 4, 1, 2, 9, 10}));
  EXPECT_EQ(table.speakers, (Texts{"s", "t", "s", "u"}));
  EXPECT_EQ(table.dropped, (DroppedRows{{"1", "no embedding in " + csv.string()}}));
  EXPECT_EQ(table.model, "unknown model");
  EXPECT_EQ(table.dimension, 2);
  EXPECT_EQ(table.columns, 1);
}

TEST_F(VectorInputs, RelativeCellsStartAtRootDirIfThereIsOne) {
  vector("there/v/a.pkl", {1});
  const fs::path csv = text("here/m.csv", "id,embedding,speaker\na,v/a.pkl,s\n");
  EXPECT_NE(refusal(csv), "accepted");
  EXPECT_EQ(open_vectors(csv, root() / "there", true).values, (Floats{1}));
}

TEST_F(VectorInputs, FilesBesideTheAudioServeWhereNoCellDoes) {
  vector("d/a_emb.pkl", {1});
  vector("d/a_emb.txt", {2});  // .txt is looked for first
  vector("d/b_emb.pkl", {3});
  vector("d/c_emb.pkl", {4});
  vector("x.pkl", {5});
  EXPECT_EQ(open_vectors(text("m.csv", "audio,speaker\nd/b.wav,s\nd/a.wav,s\n"), {}, true).values,
            (Floats{2, 3}));
  // The cell goes before the file.
  EXPECT_EQ(
      open_vectors(text("m.csv", "id,audio,embedding,speaker\n1,d/b.wav,x.pkl,s\n2,d/c.wav,,s\n"),
                   {}, true)
          .values,
      (Floats{5, 4}));
  const fs::path partly = text("m.csv", "audio,speaker\nd/a.wav,s\nd/z.wav,s\nd/y.wav,s\n");
  expect_refused(partly, {"2 of 3 rows", "'d/z.wav'", "balr extract"});
}

TEST_F(VectorInputs, AFolderAndASingleFile) {
  vector("d/e/b_emb.pkl", {1});
  vector("d/a_emb.pkl", {2});
  text("d/e/b.WAV", "");
  text("d/a.wav", "");
  text("d/a.note", "");
  const VectorTable folder = open_vectors(root() / "d", {}, false);
  EXPECT_EQ(folder.ids, (Texts{"a.wav", "e/b.WAV"}));
  EXPECT_EQ(folder.values, (Floats{2, 1}));
  expect_refused(root() / "d", {"2 of 2 rows", "no speaker"});
  const VectorTable only = open_vectors(root() / "d", {}, false, {.audio_formats = {"WAV"}});
  EXPECT_EQ(only.rows(), 2);
  for (const char* name : {"d/a.wav", "d/a_emb.pkl"}) {
    const VectorTable single = open_vectors(root() / name, {}, false);
    EXPECT_EQ(single.ids, (Texts{fs::path(name).stem().string()}));
    EXPECT_EQ(single.values, (Floats{2}));
  }
}

TEST_F(VectorInputs, BinaryAttributes) {
  vector("a_ba.pkl", {1, 0, 0, 1, 1, 0}, {3, 2});
  vector("b_ba.txt", {0, 1, 0, 1, 1, 0}, {3, 2});
  vector("a_emb.pkl", {9});
  const OpenOptions options{.kind = VectorKind::kBinaryAttributes, .audio_formats = {"wav"}};
  for (const char* csv : {"audio,speaker\nb.wav,s\na.wav,t\n",
                          "id,speaker,binary_attributes\nb,s,b_ba.txt\na,t,a_ba.pkl\n"}) {
    const VectorTable table = open_vectors(text("m.csv", csv), {}, true, options);
    EXPECT_EQ(table.values, (Floats{1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0}));
    EXPECT_EQ(table.dimension, 6);
    EXPECT_EQ(table.columns, 2);
  }
  EXPECT_THROW(
      open_vectors(text("m.csv", "id,speaker,embedding\na,s,a_emb.pkl\n"), {}, true, options),
      DataError);
  // As an embedding such a file is none.
  expect_refused(text("m.csv", "id,speaker,embedding\na,s,a_ba.pkl\n"),
                 {"does not hold one vector"});
}

TEST_F(VectorInputs, WhatIsWrongIsNamed) {
  vector("a.pkl", {1, 2});
  vector("b.pkl", {1, 2, 3});
  vector("matrix.npy", {1, 2, 3, 4}, {2, 2});
  text("evil.pkl",
       "\x80\x02"
       "cos\nsystem\nX\x05\0\0\0touch\x85R.");
  text("empty.pkl", "");
  const auto row = [&](const std::string& cell) {
    return text("m.csv", "id,embedding,speaker\n1,a.pkl,s\n2," + cell + ",s\n");
  };
  expect_refused(row("none.pkl"), {"none.pkl", "No such file"});
  expect_refused(row("b.pkl"), {"b.pkl", "3 numbers", "a.pkl"});
  expect_refused(row("evil.pkl"), {"evil.pkl", "os.system"});
  expect_refused(row("empty.pkl"), {"empty.pkl", "empty"});
  expect_refused(row("matrix.npy"), {"matrix.npy"});
  expect_refused(row("matrix.npy#2"), {"row 2", "has 2"});
  expect_refused(row("matrix.npy#-1"), {"row 2", "store.h5#row"});
  expect_refused(row("a.wav"), {"row 2", "'a.wav'"});
  expect_refused(text("m.csv", "id,embedding,speaker\n1,,s\n"), {"no row of", "1 failed"});
}

TEST_F(VectorInputs, KaldiTablesAndMatrices) {
  const fs::path ark = root() / "v.ark";
  KaldiWriter writer(ark);
  writer.append("u2", Floats{1, 2});
  writer.append("u1", Floats{3, 4});
  writer.finish();
  EXPECT_EQ(open_vectors(ark, {}, false).ids, (Texts{"u1", "u2"}));
  expect_refused(ark, {"no speaker"});
  text("utt2spk", "u1 bob\nu2 eve\n");
  for (const char* name : {"v.ark", "v.scp"}) {
    const VectorTable table = open_vectors(root() / name, {}, true);
    EXPECT_EQ(table.values, (Floats{3, 4, 1, 2}));
    EXPECT_EQ(table.speakers, (Texts{"bob", "eve"}));
  }
  expect_refused(text("w.ark", "a [ 1 2 ]\na [ 3 4 ]\n"), {"two entries 'a'"});
  expect_refused(text("w.ark", "a [ 1 2 ]\nb [ 3 ]\n"), {"'b'", "1 numbers"});
  expect_refused(text("w.ark", ""), {"no vectors"});
  EXPECT_EQ(open_vectors(text("vectors.txt", "u1 [ 1 2 ]\n"), {}, true, {.format = "ark"}).values,
            (Floats{1, 2}));
  vector("m.npy", {1, 2, 3, 4, 5, 6}, {3, 2});
  const VectorTable matrix = open_vectors(root() / "m.npy", {}, false);
  EXPECT_EQ(matrix.ids, (Texts{"0", "1", "2"}));
  EXPECT_EQ(matrix.values, (Floats{1, 2, 3, 4, 5, 6}));
  expect_refused(text("s.npy", vector_file_content(Floats{1, 2}, {2}, VectorFormat::kNpy)),
                 {"not a matrix"});
}

// More files than one job takes, read by several threads: every row gets its own.
TEST_F(VectorInputs, ManyFiles) {
  std::string csv = "id,embedding,speaker\n";
  const int count = test::by_level(700, 3000, 20000);
  for (int i = 0; i < count; ++i) {
    const std::string name = "v/" + std::to_string(i) + "_emb.pkl";
    vector(name, {static_cast<float>(i), 1});
    csv += std::to_string(i) + "," + name + ",s\n";
  }
  const VectorTable table = open_vectors(text("m.csv", csv), {}, true);
  ASSERT_EQ(table.rows(), count);
  for (int i = 0; i < count; ++i) ASSERT_EQ(table.values[static_cast<std::size_t>(2 * i)], i);
  // The first bad file is the one that is named.
  text("v/600_emb.pkl", "x");
  text("v/300_emb.pkl", "x");
  expect_refused(root() / "m.csv", {"300_emb.pkl"});
}

}  // namespace
}  // namespace balr
