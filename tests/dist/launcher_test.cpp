#include "dist/launcher.hpp"

#include <gtest/gtest.h>

#include <map>

namespace balr {
namespace {

std::optional<std::string> mismatch(std::map<std::string, std::string> variables) {
  return singleton_mismatch([&](const char* name) -> const char* {
    const auto at = variables.find(name);
    return at == variables.end() ? nullptr : at->second.c_str();
  });
}

TEST(Launcher, AProcessOfItsOwnIsFine) {
  EXPECT_FALSE(mismatch({}));
  EXPECT_FALSE(mismatch({{"SLURM_STEP_NUM_TASKS", "1"}}));
  EXPECT_FALSE(mismatch({{"OMPI_COMM_WORLD_SIZE", "1"}, {"PMI_SIZE", "1"}}));
  EXPECT_FALSE(mismatch({{"SLURM_NTASKS", "8"}}));  // set in the batch shell too
}

TEST(Launcher, SeveralProcessesThatDoNotSeeEachOtherAreRefused) {
  for (const char* name : {"SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const auto text = mismatch({{name, "4"}});
    ASSERT_TRUE(text) << name;
    EXPECT_NE(text->find("--mpi=pmix"), std::string::npos);
    EXPECT_NE(text->find(name), std::string::npos);
    EXPECT_NE(text->find("4 processes"), std::string::npos);
  }
}

TEST(Launcher, MpirunInsideASlurmStepDecides) {
  EXPECT_FALSE(mismatch({{"OMPI_COMM_WORLD_SIZE", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}));
}

std::optional<std::string> wire_up(std::map<std::string, std::string> variables) {
  return missing_wire_up([&](const char* name) -> const char* {
    const auto at = variables.find(name);
    return at == variables.end() ? nullptr : at->second.c_str();
  });
}

TEST(Launcher, SrunWithoutAPmiIsRefusedBeforeMpiStarts) {
  const auto text = wire_up({{"SLURM_STEP_NUM_TASKS", "4"}});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("--mpi=pmix"), std::string::npos);
  EXPECT_FALSE(wire_up({}));
  EXPECT_FALSE(wire_up({{"SLURM_STEP_NUM_TASKS", "1"}}));
  for (const char* name : {"PMIX_RANK", "PMI_RANK", "PMI_FD", "OMPI_COMM_WORLD_SIZE"})
    EXPECT_FALSE(wire_up({{"SLURM_STEP_NUM_TASKS", "4"}, {name, "0"}})) << name;
}

}  // namespace
}  // namespace balr
