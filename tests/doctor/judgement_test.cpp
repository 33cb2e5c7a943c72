#include <gtest/gtest.h>

#include <algorithm>

#include "doctor/libraries.hpp"
#include "doctor/nccl_log.hpp"
#include "doctor/node.hpp"
#include "doctor/slurm_config.hpp"

namespace balr {
namespace {

int faults(const Findings& findings) {
  return static_cast<int>(std::ranges::count_if(findings, [](const Finding& f) { return f.kind == Finding::Kind::kFault; }));
}

std::string all_text(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) text += to_line(finding) + "\n";
  return text;
}

RankPlace gpu_place(const std::string& host, int local_rank, const std::string& uuid) {
  RankPlace place{host, local_rank, 2, 20, 10, "0", "", {}};
  place.device = "cuda:" + std::to_string(local_rank);
  place.gpu = {.uuid = uuid, .name = "NVIDIA H100", .major = 9, .minor = 0, .memory_gib = 79.6, .kernel_error = ""};
  return place;
}

TEST(Places, SurviveTheirWayToRankZero) {
  RankPlace place = gpu_place("node \"1\"", 1, "GPU-1");
  place.gpu.kernel_error = "no kernel image\n";
  const RankPlace back = decode_place(encode(place));
  EXPECT_EQ(encode(back), encode(place));
  EXPECT_EQ(back.host, "node \"1\"");
  EXPECT_EQ(back.gpu.kernel_error, "no kernel image\n");
}

TEST(Places, OneGpuForEachRankIsFine) {
  const Findings found = judge_places({gpu_place("a", 0, "GPU-1"), gpu_place("a", 1, "GPU-2"), gpu_place("b", 0, "GPU-3")});
  EXPECT_EQ(faults(found), 0) << all_text(found);
  EXPECT_NE(all_text(found).find("rank 2: b, 10 of 20 cores, NUMA 0, cuda:0, NVIDIA H100 (9.0, 80 GiB, GPU-3)"), std::string::npos)
      << all_text(found);
}

TEST(Places, ASharedGpuIsAFaultThatNamesTheRanks) {
  const Findings found = judge_places({gpu_place("a", 0, "GPU-1"), gpu_place("a", 1, "GPU-2"), gpu_place("a", 1, "GPU-2")});
  EXPECT_EQ(faults(found), 1);
  EXPECT_NE(all_text(found).find("ranks 1 and 2 share one GPU of a"), std::string::npos) << all_text(found);
}

TEST(Places, AGpuWithoutKernelsIsAFault) {
  RankPlace place = gpu_place("a", 0, "GPU-1");
  place.gpu.major = 7;
  place.gpu.kernel_error = "no kernel image is available for execution on the device";
  const Findings found = judge_places({place});
  EXPECT_EQ(faults(found), 1);
  EXPECT_NE(all_text(found).find("compute capability 7.0"), std::string::npos);
}

TEST(Places, OneCoreForARankAmongSeveralIsAFault) {
  RankPlace place = gpu_place("a", 0, "");
  place.cores_allowed = 1;
  EXPECT_EQ(faults(judge_places({place})), 1);
  place.local_size = 1;  // a machine with one core
  EXPECT_EQ(faults(judge_places({place})), 0);
}

TEST(Libraries, VersionsAreComparedAsNumbers) {
  EXPECT_TRUE(at_least("1.10.8", "1.10"));
  EXPECT_TRUE(at_least("1.14.0", "1.10"));
  EXPECT_FALSE(at_least("1.8.20", "1.10"));
  EXPECT_TRUE(at_least("2.11.0+cu130", "2.6"));
  EXPECT_FALSE(at_least("2.5.1", "2.6"));
  EXPECT_TRUE(at_least("3", "2.6"));
  EXPECT_FALSE(at_least("2", "2.6"));
  EXPECT_TRUE(at_least("anything", ""));
}

TEST(Libraries, ThoseOfThisBuildAreNamedAndNewEnough) {
  const Findings found = judge_libraries(library_versions());
  EXPECT_EQ(faults(found), 0) << all_text(found);
  for (const char* name : {"MPI ", "LibTorch 2", "HDF5 1", "libsndfile 1"})
    EXPECT_NE(all_text(found).find(name), std::string::npos) << name << " in " << all_text(found);
}

TEST(Libraries, AnOldOneIsAFault) {
  EXPECT_EQ(faults(judge_libraries({{"HDF5", "1.8.20", "1.10"}})), 1);
  EXPECT_EQ(faults(judge_libraries({{"NCCL", "", "2.18"}})), 0);  // not part of the build
}

// Lines as NCCL 2.28 prints them; host and bus numbers shortened.
constexpr const char* kTcpLog = R"(n1:10:10 [0] NCCL INFO Bootstrap: Using eth0:10.0.0.1<0>
n1:10:10 [0] NCCL INFO NET/IB : No device found.
n1:10:10 [0] NCCL INFO NET/Socket : Using [0]eth0:10.0.0.1<0> [1]docker0:172.17.0.1<0>
n1:10:10 [0] NCCL INFO Using network Socket
n1:10:21 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
n1:10:21 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/Socket/0
)";
constexpr const char* kIbLog = R"(n1:10:10 [0] NCCL INFO NET/IB : Using [0]mlx5_0:1/IB [1]mlx5_1:1/IB [RO]; OOB ib0:10.1.0.1<0>
n1:10:10 [0] NCCL INFO Using network IB
n1:10:21 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM/read
n1:10:21 [0] NCCL INFO Channel 01/0 : 1[1] -> 2[0] [send] via NET/IB/0/GDRDMA
)";

TEST(NcclLog, TellsWayNetworkAndInterfaces) {
  const NcclTransport tcp = parse_nccl_log(kTcpLog);
  EXPECT_EQ(tcp.networks, std::vector<std::string>{"Socket"});
  EXPECT_EQ(tcp.interfaces, (std::vector<std::string>{"eth0", "docker0"}));
  EXPECT_TRUE(tcp.network);
  EXPECT_FALSE(tcp.peer_to_peer);
  const NcclTransport ib = parse_nccl_log(kIbLog);
  EXPECT_EQ(ib.networks, std::vector<std::string>{"IB"});
  EXPECT_TRUE(ib.interfaces.empty());
  EXPECT_TRUE(ib.peer_to_peer);
  EXPECT_TRUE(ib.network);
}

TEST(NcclLog, SilentTcpAndBridgesAreFaultsBetweenHostsOnly) {
  const Findings found = judge_transport(parse_nccl_log(kTcpLog), true);
  EXPECT_EQ(faults(found), 2) << all_text(found);
  EXPECT_NE(all_text(found).find("NCCL_NET"), std::string::npos);
  EXPECT_NE(all_text(found).find("docker0"), std::string::npos);
  EXPECT_EQ(faults(judge_transport(parse_nccl_log(kTcpLog), false)), 0);
  EXPECT_EQ(faults(judge_transport(parse_nccl_log(kIbLog), true)), 0);
  EXPECT_TRUE(judge_transport(parse_nccl_log(""), true).empty());
}

TEST(SlurmConfig, IsReadAsScontrolPrintsIt) {
  const auto config = parse_slurm_config(
      "Configuration data as of 2026-01-01T00:00:00\nJobRequeue              = 1\nKillWait                = 30 sec\n"
      "PreemptMode             = OFF\nSlurmctldHost[0]        = head(10.0.0.1)\n");
  EXPECT_EQ(config.at("JobRequeue"), "1");
  EXPECT_EQ(config.at("KillWait"), "30 sec");
  EXPECT_EQ(config.at("SlurmctldHost[0]"), "head(10.0.0.1)");
}

TEST(SlurmConfig, WhatEndsAJobForGoodIsSaid) {
  const auto judged = [](const std::string& requeue, const std::string& preempt, const std::string& wait, std::optional<double> margin) {
    return all_text(judge_slurm_config({{"JobRequeue", requeue}, {"PreemptMode", preempt}, {"KillWait", wait}}, margin));
  };
  EXPECT_EQ(judged("1", "REQUEUE", "30 sec", 3).find("note"), std::string::npos);
  EXPECT_NE(judged("0", "OFF", "30 sec", 3).find("--requeue"), std::string::npos);
  EXPECT_NE(judged("1", "CANCEL", "30 sec", 3).find("chain.sh"), std::string::npos);
  EXPECT_NE(judged("1", "GANG,CANCEL", "30 sec", 3).find("chain.sh"), std::string::npos);
  EXPECT_NE(judged("1", "OFF", "30 sec", std::nullopt).find("--stop-before-end"), std::string::npos);
  EXPECT_EQ(judged("1", "OFF", "300 sec", std::nullopt).find("--stop-before-end"), std::string::npos);
}

}  // namespace
}  // namespace balr
