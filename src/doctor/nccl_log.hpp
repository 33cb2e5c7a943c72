#pragma once
#include <string>
#include <vector>

#include "doctor/finding.hpp"

namespace balr {

// What NCCL chose, from its log at NCCL_DEBUG=INFO.
struct NcclTransport {
  std::vector<std::string> networks;    // "IB", "Socket", "AWS Libfabric", in the order of the log, each once
  std::vector<std::string> interfaces;  // "eth0"
  bool peer_to_peer = false, shared_memory = false, network = false;  // channels by these ways
};
NcclTransport parse_nccl_log(const std::string& text);

// Faults: TCP between hosts that were given no other choice, and bridge interfaces (docker0, virbr0) that lead nowhere.
Findings judge_transport(const NcclTransport& transport, bool several_hosts);

}  // namespace balr
