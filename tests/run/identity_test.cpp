#include "balr/run/identity.hpp"

#include <gtest/gtest.h>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

TEST(Identity, EveryTextNameAndOrderCounts) {
  const std::string hash = identity_hash({{"a", "xy"}, {"b", "z"}});
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(hash, identity_hash({{"a", "xy"}, {"b", "z"}}));
  EXPECT_NE(hash, identity_hash({{"a", "x"}, {"b", "yz"}}));
  EXPECT_NE(hash, identity_hash({{"ax", "y"}, {"b", "z"}}));
  EXPECT_NE(hash, identity_hash({{"b", "z"}, {"a", "xy"}}));
  EXPECT_NE(hash, identity_hash({{"a", "xy"}}));
}

TEST(Identity, EqualRanksAgree) {
  const auto world = World::start(nullptr, nullptr);
  agree_identity(*world, {{"configuration", "c"}, {"model", std::string(100000, 'm')}});
  agree_identity(*world, {});
}

TEST(Identity, OddRanksAndPartsAreNamed) {
  const auto world = World::start(nullptr, nullptr);
  ASSERT_EQ(world->size(), 3);
  for (int odd = 0; odd < 3; ++odd) {
    try {
      agree_identity(*world, {{"configuration", "c"}, {"model", world->rank() == odd ? "old" : "new"}});
      ADD_FAILURE() << "nothing was thrown";
    } catch (const InternalError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("model (rank " + std::to_string(odd) + " on " + world->host() + ")"), std::string::npos) << text;
      EXPECT_EQ(text.find("configuration ("), std::string::npos) << text;
    }
  }
}

TEST(Identity, AnotherNumberOfPartsIsNamedToo) {
  const auto world = World::start(nullptr, nullptr);
  std::vector<IdentityPart> parts{{"configuration", "c"}};
  if (world->rank() == 1) parts.push_back({"model", "m"});
  EXPECT_THROW(agree_identity(*world, parts), InternalError);
  world->barrier("all threw");
}

}  // namespace
}  // namespace balr
