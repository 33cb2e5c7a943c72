#include "weights/unpickler.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <random>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using namespace std::string_literals;

constexpr std::int64_t kElements = 24;

// One storage "0" of kElements floats: anything else is refused, as the archive does.
at::Tensor the_storage(const std::string& key, at::ScalarType type, std::int64_t numel) {
  if (key != "0" || type != at::kFloat || numel != kElements) throw DataError("no such storage");
  return at::arange(kElements, at::kFloat);
}

const std::string kStorage = "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" "0X\x06\0\0\0" "cuda:0K\x18tQ"s;
// ("w": tensor of size (2, 3), stride (3, 1), offset 1) with the parts that torch.save writes.
const std::string kTensor =
    "ctorch._utils\n_rebuild_tensor_v2\n(" + kStorage + "K\x01K\x02K\x03\x86K\x03K\x01\x86\x89" "ccollections\nOrderedDict\n)RtR"s;
const std::string kStateDict = "\x80\x02" "ccollections\nOrderedDict\n)Rq\x01(X\x01\0\0\0wq\x02"s + kTensor +
                               "q\x03X\x01\0\0\0nq\x04](K\x07\x88NG?\xe0\0\0\0\0\0\0eu}X\x09\0\0\0_metadata}sb."s;

std::string refusal(const std::string& pickle) {
  Unpickler unpickler(pickle, the_storage);
  try {
    unpickler.load();
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(UnpicklerTest, ReadsAStateDict) {
  Unpickler unpickler(kStateDict, the_storage);
  const auto& items = std::get<PickleDict>(unpickler.load()->data).items;
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(std::get<std::string>(items[0].first->data), "w");
  const auto& tensor = *pickled_tensor(*items[0].second);
  EXPECT_TRUE(at::equal(tensor, at::arange(1, 7, at::kFloat).view({2, 3})));
  const auto& list = std::get<PickleList>(items[1].second->data).items;
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(std::get<std::int64_t>(list[0]->data), 7);
  EXPECT_EQ(std::get<double>(list[3]->data), 0.5);
}

TEST(UnpicklerTest, ProgramsAreRefusedByName) {
  const std::string id = "X\x02\0\0\0id\x85R."s;
  EXPECT_NE(refusal("\x80\x02" "cos\nsystem\n"s + id).find("os.system"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02" "cposix\nsystem\n"s + id).find("posix.system"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02" "c__builtin__\neval\n"s + id).find("__builtin__.eval"), std::string::npos);
  EXPECT_NE(refusal("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93"s + id).find("builtins.eval"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02" "ctorch.storage\n_load_from_bytes\n"s + id).find("_load_from_bytes"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02" "ctorch\n_utils._rebuild_tensor_v2\n"s + id), "accepted");
  EXPECT_NE(refusal("\x80\x02" "ctorch\nFloatStorage\n"s + id).find("calls torch.FloatStorage"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02" "cx\n\x1b[31mred\n"s + id).find("x.?[31mred"), std::string::npos) << "no control characters";
  // Objects made without a call: NEWOBJ, NEWOBJ_EX, OBJ, INST, EXT1, and the text persistent id.
  for (const char* opcode : {")\x81.", ")}\x92.", "(o.", "(ios\nsystem\n.", "\x82\x01.", "P0\n."})
    EXPECT_NE(refusal("\x80\x02" "ccollections\nOrderedDict\n"s + opcode), "accepted") << opcode;
}

TEST(UnpicklerTest, SetStateAndReduceTakeOnlyWhatAStateDictHas) {
  const std::string dict = "\x80\x02" "ccollections\nOrderedDict\n"s;
  EXPECT_EQ(refusal(dict + ")R."), "accepted");
  EXPECT_NE(refusal(dict + "K\x01\x85R."), "accepted");
  EXPECT_NE(refusal(dict + "]R."), "accepted");
  EXPECT_NE(refusal(dict + ")R)b."), "accepted");
  EXPECT_NE(refusal(dict + "}b."), "accepted") << "attributes of a class";
  EXPECT_NE(refusal("\x80\x02" "ctorch._utils\n_rebuild_parameter\n)R."s), "accepted");
  EXPECT_NE(refusal("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR."s), "accepted");
}

// Whatever bytes come: a value or a DataError.
TEST(UnpicklerTest, SurvivesAnyChange) {
  std::mt19937_64 random(7);
  const int rounds = test::by_level(30000, 300000, 3000000);
  int refused = 0, accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string pickle = kStateDict;
    if (round % 8 == 0) pickle.resize(random() % pickle.size());
    for (std::uint64_t flips = random() % 4; flips > 0 && !pickle.empty(); --flips) {
      const std::size_t at = random() % pickle.size();
      switch (random() % 3) {
        case 0: pickle[at] = static_cast<char>(random()); break;
        case 1: pickle.insert(at, 1, kStateDict[random() % kStateDict.size()]); break;
        default: pickle.erase(at, 1); break;
      }
    }
    (refusal(pickle) == "accepted" ? accepted : refused)++;
  }
  EXPECT_GT(refused, rounds / 4);
  EXPECT_GT(accepted, rounds / 20) << "unchanged ones at least";
}

}  // namespace
}  // namespace balr
