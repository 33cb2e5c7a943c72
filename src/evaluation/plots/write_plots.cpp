#include "balr/core/atomic_file.hpp"
#include "balr/evaluation/plots.hpp"

namespace balr {

std::vector<std::string> write_plots(const std::filesystem::path& folder, const PlotData& data) {
  std::vector<std::string> names;
  const auto write = [&](const char* name, std::string (*draw)(const PlotData&)) {
    write_file_atomically(folder / name, draw(data));
    names.emplace_back(name);
  };
  write("det.svg", det_svg);
  write("histogram.svg", histogram_svg);
  if (!data.log_lrs) return names;
  write("tippett.svg", tippett_svg);
  write("reliability.svg", reliability_svg);
  write("ece.svg", ece_svg);
  return names;
}

}  // namespace balr
