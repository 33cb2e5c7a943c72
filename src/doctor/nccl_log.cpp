#include "doctor/nccl_log.hpp"

#include <algorithm>
#include <sstream>

namespace balr {
namespace {

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!text.empty() && std::ranges::find(list, text) == list.end()) list.push_back(text);
}

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& item : list) text += (text.empty() ? "" : ", ") + item;
  return text;
}

bool is_bridge(const std::string& interface) {
  for (const char* name : {"docker", "virbr", "br-", "cni", "veth", "podman", "lxc"})
    if (interface.starts_with(name)) return true;
  return false;
}

}  // namespace

NcclTransport parse_nccl_log(const std::string& text) {
  NcclTransport out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // "... NCCL INFO Using network Socket"
    if (const std::size_t at = line.find("Using network "); at != std::string::npos) {
      std::string name = line.substr(at + 14);
      while (!name.empty() && (name.back() == ' ' || name.back() == '\r')) name.pop_back();
      add_once(out.networks, name);
    }
    // "... NCCL INFO NET/Socket : Using [0]eth0:10.0.0.1<0> [1]docker0:172.17.0.1<0>"
    const std::size_t list = line.find("Using [");
    if (line.find("NET/Socket") != std::string::npos && list != std::string::npos) {
      for (std::size_t at = line.find('[', list); at != std::string::npos; at = line.find('[', at + 1)) {
        const std::size_t name = line.find(']', at), end = line.find(':', name);
        if (name == std::string::npos || end == std::string::npos) break;
        add_once(out.interfaces, line.substr(name + 1, end - name - 1));
      }
    }
    // "... Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM", "via SHM/direct/direct", "[send] via NET/IB/0"
    const std::size_t via = line.find(" via ");
    if (via != std::string::npos && line.find("hannel") != std::string::npos) {
      out.peer_to_peer = out.peer_to_peer || line.compare(via + 5, 3, "P2P") == 0;
      out.shared_memory = out.shared_memory || line.compare(via + 5, 3, "SHM") == 0;
      out.network = out.network || line.compare(via + 5, 3, "NET") == 0;
    }
  }
  return out;
}

Findings judge_transport(const NcclTransport& transport, bool several_hosts) {
  Findings found;
  std::string ways;
  for (const auto& [used, name] : {std::pair{transport.peer_to_peer, "peer to peer"}, {transport.shared_memory, "shared memory"},
                                   {transport.network, "network"}})
    if (used) ways += std::string(ways.empty() ? "" : ", ") + name;
  if (!ways.empty() || !transport.networks.empty())
    found.push_back(ok("nccl", (ways.empty() ? "no channels seen" : ways) + (transport.networks.empty() ? "" : "; network " + joined(transport.networks)) +
                                   (transport.interfaces.empty() ? "" : " on " + joined(transport.interfaces))));
  if (!several_hosts) return found;
  if (transport.networks == std::vector<std::string>{"Socket"})
    found.push_back(fault("nccl", "hosts talk over TCP: load the cluster's NCCL plugin or InfiniBand drivers, and set NCCL_NET (for "
                                  "instance IB, or \"AWS Libfabric\") so that a missing one is an error; NCCL_DEBUG=INFO shows why"));
  for (const std::string& interface : transport.interfaces)
    if (is_bridge(interface))
      found.push_back(fault("nccl", "uses the bridge " + interface + ", which leads to no other host: set NCCL_SOCKET_IFNAME to the "
                                    "cluster's network (ip -br addr lists them)"));
  return found;
}

}  // namespace balr
