// Binary attributes of any input, as bits.
#include "balr/dataset/attribute_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/kaldi_table.hpp"
#include "balr/data/vector_file.hpp"
#include "dataset/input_folder.hpp"
#include "store/sample_rows.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;
using Floats = std::vector<float>;

class AttributeInputs : public test::InputFolder {
 protected:
  // A file of the Python balr: [n, 2], each attribute and 1 minus it.
  void pairs(const std::string& name, const Floats& active) const {
    Floats values;
    for (float value : active) values.insert(values.end(), {value, 1 - value});
    file(name, values, {static_cast<std::int64_t>(active.size()), 2});
  }
  std::string refusal(const fs::path& input, bool need_speakers = false) const {
    try {
      open_attributes(input, {}, need_speakers);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  void expect_refused(const fs::path& input, const Texts& texts) const {
    expect_parts(refusal(input), texts);
  }
};

std::vector<int> row_of(const AttributeTable& table, std::int64_t row) {
  std::vector<int> out;
  for (std::int64_t a = 0; a < table.attributes; ++a) out.push_back(table.active(row, a));
  return out;
}

TEST_F(AttributeInputs, FilesOfThePythonBalrInAnyFormatByIdAndWhatIsLeftOut) {
  pairs("v/a_ba.pkl", {1, 0, 1});
  pairs("v/b_ba.txt", {0, 1, 1});
  pairs("v/c_ba.npy", {0, 0, 0});
  const fs::path csv = text("m.csv",
                            "id,binary_attributes,speaker\n10,v/a_ba.pkl,s\n9,v/b_ba.txt,t\n1,,s\n"
                            "11,v/c_ba.npy,s\n");
  const AttributeTable table = open_attributes(csv, {}, true);
  EXPECT_EQ(table.attributes, 3);
  EXPECT_EQ(table.words, 1);
  EXPECT_EQ(table.ids, (Texts{"9", "10", "11"}));
  EXPECT_EQ(table.speakers, (Texts{"t", "s", "s"}));
  EXPECT_EQ(table.labels, (std::vector<std::int64_t>{1, 0, 0}));
  EXPECT_EQ(table.label_names, (Texts{"s", "t"}));
  EXPECT_EQ(row_of(table, 0), (std::vector<int>{0, 1, 1}));
  EXPECT_EQ(row_of(table, 1), (std::vector<int>{1, 0, 1}));
  EXPECT_EQ(row_of(table, 2), (std::vector<int>{0, 0, 0}));
  ASSERT_EQ(table.dropped.size(), 1U);
  EXPECT_EQ(table.dropped.at("1"), "no attributes in " + csv.string());
}

TEST_F(AttributeInputs, BitsLieInWordsAndTheRestIsZero) {
  Floats active(130);
  for (std::size_t a : {0, 63, 64, 127, 128, 129}) active[a] = 1;
  pairs("a_ba.pkl", active);
  const AttributeTable table =
      open_attributes(text("m.csv", "id,binary_attributes\na,a_ba.pkl\n"), {}, false);
  ASSERT_EQ(table.words, 3);
  EXPECT_EQ(table.bits, (std::vector<std::uint64_t>{0x8000000000000001U, 0x8000000000000001U, 3}));
  for (std::size_t a = 0; a < active.size(); ++a)
    EXPECT_EQ(table.active(0, static_cast<std::int64_t>(a)), active[a] == 1) << a;
}

TEST_F(AttributeInputs, FilesBesideTheAudio) {
  pairs("d/x.1_ba.pkl", {1, 0});
  pairs("d/y_ba.txt", {0, 1});
  text("d/x.1.wav", "");
  text("d/y.wav", "");
  const AttributeTable table = open_attributes(root() / "d", {}, false);
  EXPECT_EQ(table.ids, (Texts{"x.1.wav", "y.wav"}));
  EXPECT_EQ(table.bits, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(AttributeInputs, MatricesAndKaldiTables) {
  file("all.npy", {1, 0, 0, 1, 1, 1}, {2, 3});
  EXPECT_EQ(open_attributes(root() / "all.npy", {}, false).bits,
            (std::vector<std::uint64_t>{1, 7}));
  const AttributeTable cell = open_attributes(
      text("m.csv", "id,binary_attributes,speaker\nb,all.npy#0,s\na,all.npy#1,s\n"), {}, true);
  EXPECT_EQ(cell.bits, (std::vector<std::uint64_t>{7, 1}));
}

TEST_F(AttributeInputs, OtherNumbersAreRefusedAndTheRowNamed) {
  const auto csv = [&](const std::string& cell) {
    return text("m.csv", "id,binary_attributes\nrec7," + cell + "\n");
  };
  file("half.pkl", {0.5F, 0.5F, 1, 0}, {2, 2});
  expect_refused(csv("half.pkl"), {"rec7", "attribute 0", "balr binarize"});
  file("both.pkl", {1, 0, 1, 1}, {2, 2});
  expect_refused(csv("both.pkl"), {"rec7", "attribute 1"});
  file("wide.pkl", {1, 0, 0, 1, 0, 0}, {2, 3});
  expect_refused(csv("wide.pkl"), {"wide.pkl", "(n, 2)"});
  file("flat.pkl", {1, 0}, {2});
  expect_refused(csv("flat.pkl"), {"flat.pkl", "(n, 2)"});
  file("nan.npy", {1, std::numeric_limits<float>::quiet_NaN()}, {1, 2});
  EXPECT_NE(refusal(root() / "nan.npy"), "accepted");
}

// The sample of the store's own test: every status, texts of several scripts.
TEST_F(AttributeInputs, TheStoreThatBinarizeWritesWholeOrRowByRow) {
  const fs::path store = root() / "out" / "attributes.h5";
  fs::create_directory(root() / "out");
  AttributeRows rows = test::sample_attributes(17, 70);
  write_attribute_store(store, test::sample_attribute_info(17, 70), rows);
  for (const fs::path& input : {store, root() / "out"}) {
    const AttributeTable table = open_attributes(input, {}, false);
    EXPECT_EQ(table.ids, (Texts{"a", "a16", "a8"}));  // the others failed
    EXPECT_EQ(table.attributes, 70);
    EXPECT_EQ(table.words, 2);
    EXPECT_EQ(table.encoder, std::string(64, 'e'));
    EXPECT_EQ(table.source, store.string());
    for (std::int64_t a = 0; a < 70; ++a)
      EXPECT_EQ(table.active(1, a), (16 + 7 * a * a + a) % 5 < 2) << a;
    EXPECT_EQ(table.dropped.size(), 14U);
    EXPECT_EQ(table.dropped.at("語-2"), "decode");
    EXPECT_EQ(table.dropped.at("007"), "too_long");
    const VectorTable pairs =
        open_vectors(input, {}, false, {.kind = VectorKind::kBinaryAttributes});
    EXPECT_EQ(pairs.ids, table.ids);
    EXPECT_EQ(pairs.dimension, 140);
    for (std::size_t i = 0; i < 3 * 70; ++i) {
      const bool active =
          table.active(static_cast<std::int64_t>(i / 70), static_cast<std::int64_t>(i % 70));
      EXPECT_EQ(pairs.values[2 * i], active ? 1 : 0);
      EXPECT_EQ(pairs.values[2 * i + 1], active ? 0 : 1);
    }
  }
  const AttributeTable some = open_attributes(
      text("m.csv",
           "id,binary_attributes,speaker\nz,out/attributes.h5#8,s\nc,out/attributes.h5#1,t\n"
           "e,,t\nb,out/attributes.h5#0,t\n"),
      {}, true);
  EXPECT_EQ(some.ids, (Texts{"b", "z"}));
  EXPECT_EQ(some.speakers, (Texts{"t", "s"}));
  EXPECT_EQ(some.dropped.at("c"), "missing");
  EXPECT_EQ(some.dropped.at("e"), "no attributes in " + (root() / "m.csv").string());
}

TEST_F(AttributeInputs, BitsAfterTheLastAttributeAreNotBelieved) {
  AttributeRows rows = test::sample_attributes(1, 70);
  rows.bits.back() |= 3;
  write_attribute_store(root() / "a.h5", test::sample_attribute_info(1, 70), rows);
  const AttributeTable table = open_attributes(root() / "a.h5", {}, false);
  EXPECT_EQ(table.bits[1] >> 6, 0U);
}

TEST_F(AttributeInputs, ThePointerOfABinarizedCsvIsFollowedWhileNothingChanged) {
  write_attribute_store(root() / "a.h5", test::sample_attribute_info(9, 5),
                        test::sample_attributes(9, 5));
  const fs::path csv = text("dev.csv", "id,speaker\na8,s\na,t\n");
  EXPECT_NE(refusal(csv).find("balr binarize"), std::string::npos);
  write_pointer(csv, {root() / "a.h5", sha256_of_file(root() / "a.h5"), sha256_of_file(csv), "x"},
                VectorKind::kBinaryAttributes);
  const AttributeTable table = open_attributes(csv, {}, true);
  EXPECT_EQ(table.ids, (Texts{"a", "a8"}));
  EXPECT_EQ(table.speakers, (Texts{"t", "s"}));
  text("dev.csv", "id,speaker\na8,s\na,u\n");
  expect_refused(csv, {"has changed", "balr binarize"});
}

TEST_F(AttributeInputs, EmbeddingsAreNotTakenForAttributes) {
  write_store(root() / "e.h5", test::sample_info(8), test::sample_rows(8, 4));
  expect_refused(root() / "e.h5", {"holds embeddings", "balr binarize"});
  write_attribute_store(root() / "a.h5", test::sample_attribute_info(8, 5),
                        test::sample_attributes(8, 5));
  EXPECT_THROW(open_vectors(root() / "a.h5", {}, false), DataError);
  // The reader says what is wrong with anything else.
  expect_refused(text("x.h5", "no HDF5"), {"HDF5 cannot open it"});
}

TEST_F(AttributeInputs, APartOfAStoreIsRefused) {
  AttributeInfo info = test::sample_attribute_info(20, 5);
  write_attribute_store(root() / "a.h5", info, test::sample_attributes(9, 5));
  expect_refused(root() / "a.h5", {"only a part", "balr binarize"});
}

TEST_F(AttributeInputs, EqualContentEqualHash) {
  pairs("a.pkl", {1, 0});
  pairs("b.txt", {1, 0});
  pairs("c.pkl", {1, 1});
  const auto hash = [&](const std::string& rows) {
    return open_attributes(text("m.csv", "id,binary_attributes,speaker\n" + rows), {}, true)
        .content_hash;
  };
  const std::string first = hash("x,a.pkl,s\ny,c.pkl,t\n");
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(hash("y,c.pkl,t\nx,b.txt,s\n"), first);
  EXPECT_NE(hash("x,a.pkl,s\ny,a.pkl,t\n"), first);
  EXPECT_NE(hash("x,a.pkl,s\ny,c.pkl,s\n"), first);
  EXPECT_NE(hash("x,a.pkl,s\nz,c.pkl,t\n"), first);
}

TEST_F(AttributeInputs, ARowWithoutSpeakerIsNamedWhereOneIsNeeded) {
  pairs("a.pkl", {1, 0});
  const fs::path csv = text("m.csv", "id,binary_attributes,speaker\nx,a.pkl,\n");
  EXPECT_EQ(open_attributes(csv, {}, false).rows(), 1);
  EXPECT_NE(refusal(csv, true).find("'x'"), std::string::npos);
}

// scoring-run/test_ba.csv: the Python balr's own files; scoring.h5 has their bits.
TEST(AttributeTableGolden, FilesThatThePythonBalrWrote) {
  BALR_NEEDS_TEST_DATA();
  const fs::path golden = test::test_data_folder() / "golden";
  const auto active = test::read_int(golden / "scoring.h5", "binarize/active");
  const auto all = test::read_text(golden / "scoring.h5", "embeddings/ids");
  std::size_t seen = 0;
  for (const char* name : {"train_ba.csv", "test_ba.csv"}) {
    const AttributeTable table = open_attributes(golden / "scoring-run" / name, {}, true);
    ASSERT_EQ(table.attributes, 512);
    for (std::int64_t row = 0; row < table.rows(); ++row) {
      const auto at = static_cast<std::size_t>(
          std::find(all.begin(), all.end(), table.ids[static_cast<std::size_t>(row)]) -
          all.begin());
      ASSERT_LT(at, all.size());
      ++seen;
      for (std::int64_t a = 0; a < 512; ++a)
        ASSERT_EQ(table.active(row, a), active.values[at * 512 + static_cast<std::size_t>(a)] == 1);
    }
  }
  EXPECT_EQ(seen, all.size());
}

}  // namespace
}  // namespace balr
