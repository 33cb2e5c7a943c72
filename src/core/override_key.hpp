#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace balr {

// Whether an override may set this key: names joined by single dots; or a group of hydra's own,
// such as hydra/job_logging.
bool is_override_key(std::string_view key);

// The names of a dotted key. Inside an interpolation (split_key of OmegaConf) a[b].c counts too.
std::vector<std::string> split_dotted(std::string_view key);
std::vector<std::string> split_select_key(std::string_view key);
std::string join_dotted(const std::vector<std::string>& path);

}  // namespace balr
