#include "balr/run/run_state.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

TEST(RunState, GoesThereAndBack) {
  const test::TempDir dir;
  EXPECT_FALSE(read_run_state(dir.path()));
  RunState state = started_state("extract", "abc", {"4711", 2, {}});
  state.state = "stopped";
  state.stop_reason = "SIGUSR2";
  state.done = 5'000'000'000;
  state.failed = 3;
  state.total = 6'000'000'000;
  state.unit = "rows";
  state.per_second = 12.5;
  state.version = "1.2.3";
  write_run_state(dir.path(), state);
  const auto back = read_run_state(dir.path());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->command, "extract");
  EXPECT_EQ(back->state, "stopped");
  EXPECT_EQ(back->stop_reason, "SIGUSR2");
  EXPECT_EQ(back->identity, "abc");
  EXPECT_EQ(back->job, "4711");
  EXPECT_EQ(back->restart_count, 2);
  EXPECT_EQ(back->done, 5'000'000'000);
  EXPECT_EQ(back->failed, 3);
  EXPECT_EQ(back->total, 6'000'000'000);
  EXPECT_EQ(back->unit, "rows");
  EXPECT_EQ(back->per_second, 12.5);
  EXPECT_EQ(back->version, "1.2.3");
}

TEST(RunState, AStartForgetsTheReasonOfTheLastStop) {
  const RunState state = started_state("train", "abc", {});
  EXPECT_EQ(state.state, "running");
  EXPECT_EQ(state.stop_reason, "");
}

TEST(RunState, AnErrorTextOfAnyBytesIsWritten) {
  const test::TempDir dir;
  RunState state = started_state("extract", "x", {});
  state.stop_reason = "cannot read \xff\xfe \"quoted\"";
  write_run_state(dir.path(), state);
  EXPECT_NE(read_run_state(dir.path())->stop_reason.find("\"quoted\""), std::string::npos);
}

TEST(RunState, WhatIsNoStateIsRefused) {
  const test::TempDir dir;
  for (const char* text : {"", "{", "[]", "{\"state\": 3}"}) {
    std::ofstream(dir.path() / "run.json") << text;
    EXPECT_THROW(read_run_state(dir.path()), DataError) << text;
  }
}

TEST(Job, ComesFromTheEnvironment) {
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
  unsetenv("SLURM_JOB_END_TIME");
  EXPECT_EQ(job_from_environment().id, "");
  EXPECT_EQ(job_from_environment().restart_count, 0);
  EXPECT_FALSE(job_from_environment().end);
  setenv("SLURM_JOB_ID", "4711", 1);
  setenv("SLURM_RESTART_COUNT", "2", 1);
  setenv("SLURM_JOB_END_TIME", "1700000000", 1);
  const JobInfo job = job_from_environment();
  EXPECT_EQ(job.id, "4711");
  EXPECT_EQ(job.restart_count, 2);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(job.end.value()), 1700000000);
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
  unsetenv("SLURM_JOB_END_TIME");
}

}  // namespace
}  // namespace balr
