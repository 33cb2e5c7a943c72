#include "balr/dataset/vector_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/audio.hpp"
#include "store/store_format.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// One row of a made-up store: its vector is {value, -value}.
struct Row {
  std::string id, speaker;
  float value;
  RowStatus status = RowStatus::kOk;
};

void write_rows(
    const fs::path& file, const std::vector<Row>& rows, const std::string& model_sha256 = "5ha",
    const std::function<void(StoreInfo&)>& change = [](StoreInfo&) {}) {
  StoreRows out;
  out.dimension = 2;
  for (const Row& row : rows) {
    out.ids.push_back(row.id);
    out.speakers.push_back(row.speaker);
    out.embeddings.insert(out.embeddings.end(), {row.value, -row.value});
    out.status.push_back(static_cast<std::uint8_t>(row.status));
    out.seconds.push_back(1);
    out.source_rate.push_back(16000);
  }
  StoreInfo info;
  info.model_repo = "repo";
  info.model_name = "net";
  info.model_sha256 = model_sha256;
  info.total_rows = out.rows();
  change(info);
  write_store(file, info, out);
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

// The values' first components: what tells rows apart.
std::vector<float> firsts(const VectorTable& table) {
  std::vector<float> out;
  for (std::size_t i = 0; i < table.values.size(); i += 2) {
    EXPECT_EQ(table.values[i + 1], -table.values[i]);
    out.push_back(table.values[i]);
  }
  return out;
}

using Texts = std::vector<std::string>;
using Floats = std::vector<float>;
using Labels = std::vector<std::int64_t>;

class Vectors : public ::testing::Test {
 protected:
  fs::path root() const { return folder_.path(); }
  fs::path store() const { return root() / "out" / "embeddings.h5"; }
  fs::path csv() const { return root() / "dev.csv"; }

  // Four rows, of which one failed; ids whose byte order is not their numeric order.
  void SetUp() override {
    fs::create_directories(root() / "out");
    write_rows(
        store(),
        {{"10", "b", 1}, {"9", "a", 2}, {"2", "c", kNaN, RowStatus::kDecode}, {"1", "b", 4}});
  }

  // The CSV that was extracted, with its pointer.
  void write_extracted() const {
    write_text(csv(), "id,audio,speaker\n10,x.wav,b\n9,y.wav,a\n2,z.wav,c\n1,w.wav,b\n");
    write_pointer(csv(), {store(), sha256_of_file(store()), sha256_of_file(csv()), "repo/net 5ha"});
  }

  // Opening throws a DataError that holds all these texts.
  void expect_refused(const fs::path& input, const Texts& texts, bool need_speakers = true) const {
    try {
      open_vectors(input, {}, need_speakers);
      ADD_FAILURE() << input << " was accepted";
    } catch (const DataError& error) {
      for (const std::string& text : texts)
        EXPECT_NE(std::string(error.what()).find(text), std::string::npos)
            << text << " in: " << error.what();
    }
  }

 private:
  test::TempDir folder_;
};

TEST_F(Vectors, StoreFolderAndPointerGiveTheSameTable) {
  write_extracted();
  std::string hash;
  for (const fs::path& input : {store(), root() / "out", csv()}) {
    const VectorTable table = open_vectors(input, {}, true);
    EXPECT_EQ(table.dimension, 2);
    EXPECT_EQ(table.ids, (Texts{"1", "9", "10"})) << input;  // numeric order
    EXPECT_EQ(firsts(table), (Floats{4, 2, 1}));
    EXPECT_EQ(table.speakers, (Texts{"b", "a", "b"}));
    EXPECT_EQ(table.labels, (Labels{1, 0, 1}));
    EXPECT_EQ(table.label_names, (Texts{"a", "b"}));  // c has no row left
    EXPECT_EQ(table.dropped.size(), 1U);
    EXPECT_EQ(fs::weakly_canonical(table.source), fs::weakly_canonical(store()));
    EXPECT_EQ(table.model, "repo/net 5ha");
    EXPECT_EQ(table.content_hash.size(), 64u);
    if (hash.empty()) hash = table.content_hash;
    EXPECT_EQ(table.content_hash, hash);
  }
}

TEST_F(Vectors, TextIdsAreInByteOrder) {
  write_rows(store(), {{"é", "s", 1}, {"b", "s", 2}, {"B", "s", 3}, {"10", "s", 4}, {"9", "s", 5}});
  const VectorTable table = open_vectors(store(), {}, true);
  EXPECT_EQ(table.ids, (Texts{"10", "9", "B", "b", "é"}));
  EXPECT_EQ(firsts(table), (Floats{4, 5, 3, 2, 1}));
}

TEST_F(Vectors, AnyFailedOrNotFiniteRowIsDropped) {
  const float infinity = std::numeric_limits<float>::infinity();
  write_rows(store(), {{"a", "s", 1, RowStatus::kNonFinite},
                       {"b", "s", kNaN},
                       {"c", "s", infinity},
                       {"d", "s", 7},
                       {"e", "s", 1, RowStatus::kCrashed}});
  const VectorTable table = open_vectors(store(), {}, true);
  EXPECT_EQ(table.ids, (Texts{"d"}));
  EXPECT_EQ(table.dropped.size(), 4U);
  write_rows(store(), {{"a", "s", kNaN, RowStatus::kMissing}});
  expect_refused(store(), {"no row of", "1 failed", "failures.csv", "balr extract"});
}

TEST_F(Vectors, TheColumnSelectsReordersAndRenames) {
  // As extract writes it beside the store, then edited: two rows, other ids and speakers, one row
  // twice, one failed.
  write_text(root() / "out" / "edited.csv",
             "speaker,id,embedding,age\n"
             "zoe,n2,embeddings.h5#3,7\n"
             "adam,n1,embeddings.h5#0,8\n"
             "adam,n3,embeddings.h5#3,9\n"
             "adam,n4,,9\n"
             "adam,n5,embeddings.h5#2,9\n");
  const VectorTable table = open_vectors(root() / "out" / "edited.csv", {}, true);
  EXPECT_EQ(table.ids, (Texts{"n1", "n2", "n3"}));
  EXPECT_EQ(firsts(table), (Floats{1, 4, 4}));
  EXPECT_EQ(table.speakers, (Texts{"adam", "zoe", "adam"}));
  EXPECT_EQ(table.labels, (Labels{0, 1, 0}));
  EXPECT_EQ(table.dropped.size(), 2U);
}

TEST_F(Vectors, TheColumnMayNameSeveralStoresOfOneModel) {
  const fs::path other = root() / "other #1.h5";
  write_rows(other, {{"q", "d", 11}, {"r", "e", 12}});
  write_text(csv(), "id,speaker,embedding\nr,e,other #1.h5#1\nx,b,out/embeddings.h5#0\nq,d," +
                        other.string() + "#0\n");
  const VectorTable table = open_vectors(csv(), {}, true);
  EXPECT_EQ(firsts(table), (Floats{11, 12, 1}));
  write_rows(other, {{"q", "d", 11}, {"r", "e", 12}}, "another model");
  expect_refused(csv(), {"different models", "balr extract"});
}

TEST_F(Vectors, RootServesWhereTheCsvWasMoved) {
  write_text(csv(), "id,speaker,embedding\nx,b,embeddings.h5#1\n");
  expect_refused(csv(), {"there is no embedding store", "embeddings.h5", "balr extract"});
  EXPECT_EQ(firsts(open_vectors(csv(), root() / "out", true)), (Floats{2}));
}

TEST_F(Vectors, RefusesOtherCells) {
  for (const char* cell :
       {"vectors/a_emb.pk", "embeddings.h5", "embeddings.h5#", "embeddings.h5#-1",
        "embeddings.h5#1x", "embeddings.h5# 1", "#1", "embeddings.h5#99999999999999999999"}) {
    write_text(root() / "out" / "m.csv",
               std::string("id,speaker,embedding\nok,s,embeddings.h5#0\nbad,s,") + cell + "\n");
    expect_refused(root() / "out" / "m.csv", {"row 2", cell, "store.h5#row", "balr extract"});
  }
  write_text(root() / "out" / "m.csv", "id,speaker,embedding\na,s,embeddings.h5#4\n");
  expect_refused(root() / "out" / "m.csv", {"row 4", "has 4"});
}

TEST_F(Vectors, ACsvWithoutEmbeddingsNamesTheCommand) {
  write_text(csv(), "id,audio,speaker\na,a.wav,s\n");
  expect_refused(csv(), {"dev.csv has no embeddings yet", "dev.csv.embeddings", "balr extract"});
}

TEST_F(Vectors, AChangedCsvIsNotFollowed) {
  write_extracted();
  write_text(csv(), "id,audio,speaker\n10,x.wav,SOMEBODY\n9,y.wav,a\n2,z.wav,c\n1,w.wav,b\n");
  expect_refused(csv(), {"has changed since", "balr extract", "pass the folder"});
}

TEST_F(Vectors, AnotherStoreIsNotFollowed) {
  write_extracted();
  write_rows(store(), {{"10", "b", 1}, {"9", "a", 2}, {"2", "c", 3}, {"1", "b", 5}});
  expect_refused(csv(), {"is not the one that was extracted", "balr extract"});
  fs::remove(store());
  expect_refused(csv(), {"is not there", "balr extract"});
}

TEST_F(Vectors, APointerToAStoreOfOtherIdsIsRefused) {
  write_text(csv(), "id,audio,speaker\n10,x.wav,b\n77,y.wav,a\n");
  write_pointer(csv(), {store(), sha256_of_file(store()), sha256_of_file(csv()), "m"});
  expect_refused(csv(), {"no row of the id '77'", "balr extract"});
}

TEST_F(Vectors, ThePointerGoesBeforeTheColumn) {
  write_text(csv(), "id,audio,speaker,embedding\n10,x.wav,b,old_emb.pkl\n9,y.wav,a,old2_emb.pkl\n");
  write_pointer(csv(), {store(), sha256_of_file(store()), sha256_of_file(csv()), "m"});
  EXPECT_EQ(firsts(open_vectors(csv(), {}, true)), (Floats{2, 1}));
}

TEST_F(Vectors, MissingSpeakers) {
  write_rows(store(),
             {{"a", "s", 1}, {"b", "", 2}, {"c", "", 3}, {"d", "", kNaN, RowStatus::kMissing}});
  expect_refused(store(), {"2 of 3 rows", "'b'", "speaker"});
  const VectorTable table = open_vectors(store(), {}, false);
  EXPECT_EQ(table.rows(), 3);
  EXPECT_EQ(table.dropped.size(), 1U);
}

TEST_F(Vectors, AnUnfinishedExtractionIsRefused) {
  write_rows(store(), {{"a", "s", 1}}, "5ha", [](StoreInfo& info) { info.total_rows = 2; });
  expect_refused(store(), {"only a part", "balr extract"});
  fs::remove(store());
  expect_refused(root() / "out", {"holds no embeddings.h5", "balr extract", "vector files"});
}

TEST_F(Vectors, OtherInputsAreRefused) {
  expect_refused(root() / "absent.csv", {"absent.csv", "check the path"});
  write_text(root() / "a.wav", "RIFF");
  expect_refused(root() / "a.wav", {"a.wav has no embeddings yet", "balr extract"});
  write_text(root() / "fake.h5", "not HDF5");
  expect_refused(root() / "fake.h5", {"not a usable embedding store"});
}

TEST_F(Vectors, TheHashSeesEveryPartOfTheContent) {
  const std::vector<Row> rows = {{"a", "s", 1}, {"bc", "t", 2}};
  const auto hash = [&](const std::vector<Row>& changed) {
    write_rows(store(), changed);
    return open_vectors(store(), {}, true).content_hash;
  };
  const std::string base = hash(rows);
  EXPECT_EQ(hash({rows[1], rows[0]}), base);  // rows are ordered by id first
  EXPECT_NE(hash({{"a", "s", 1}, {"bc", "t", 2.0000002f}}), base);
  EXPECT_NE(hash({{"a", "s", 1}, {"bc", "u", 2}}), base);
  EXPECT_NE(hash({{"a", "s", 1}, {"bd", "t", 2}}), base);
  EXPECT_NE(hash({{"ab", "s", 1}, {"c", "t", 2}}), base);
  EXPECT_NE(hash({rows[0]}), base);
}

// The store may not include module data, so it has its own table of the statuses' names.
TEST(StatusNames, AreThoseOfRowStatus) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i)
    EXPECT_STREQ(kStatusNames[i], to_string(static_cast<RowStatus>(i)));
}

}  // namespace
}  // namespace balr
