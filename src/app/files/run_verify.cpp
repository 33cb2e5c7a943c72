#include <algorithm>
#include <iostream>
#include <vector>

#include "app/files/runs.hpp"
#include "balr/store/attribute_store.hpp"
#include "balr/store/verify_store.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// The stores of an output folder: the finished one, else the parts.
std::vector<fs::path> stores_of(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const char* name : {"embeddings.h5", "attributes.h5"})
    if (fs::exists(folder / name)) out.push_back(folder / name);
  if (!out.empty()) return out;
  for (const fs::path& place : {folder / "parts", folder}) {
    if (!fs::is_directory(place)) continue;
    for (const auto& entry : fs::directory_iterator(place)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() == ".h5" && !name.starts_with('.')) out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  if (out.empty())
    throw DataError("there is no store in " + folder.string() +
                    ": give a folder that `balr extract` or `balr binarize` wrote, or a .h5 file");
  return out;
}

// A store's file, what it holds and `more`, and what is wrong with it.
template <class Report>
bool print(const fs::path& file, const Report& report, const std::string& values,
           const std::string& more) {
  std::cout << file.string() << ": " << report.rows << " rows of " << values;
  for (std::size_t status = 0; status < report.by_status.size(); ++status)
    if (report.by_status[status] > 0)
      std::cout << ", " << report.by_status[status] << ' ' << status_name(status);
  std::cout << more << (report.problems.empty() ? ": all is well" : ": damaged") << '\n';
  for (const std::string& problem : report.problems) std::cout << "  " << problem << '\n';
  return report.problems.empty();
}

// Whether all is well.
bool verify(const fs::path& file) {
  if (is_attribute_store(file)) {
    const bool finished = file.parent_path().filename() != "parts";
    const AttributeReport report = verify_attribute_store(file, finished);
    return print(file, report, std::to_string(report.info.attributes) + " attributes", "");
  }
  const StoreReport report = verify_store(file);
  return print(file, report, std::to_string(report.dimension) + " values",
               ", " + std::to_string(static_cast<std::int64_t>(report.seconds)) + " s of audio");
}

}  // namespace

ExitCode run_verify(const VerifyCommand& command) {
  const std::vector<fs::path> files = fs::is_directory(command.path)
                                          ? stores_of(command.path)
                                          : std::vector<fs::path>{command.path};
  std::int64_t damaged = 0;
  for (const fs::path& file : files) {
    try {
      damaged += !verify(file);
    } catch (const DataError& error) {
      std::cout << error.what() << '\n';
      ++damaged;
    }
  }
  if (damaged == 0) return ExitCode::kOk;
  throw DataError(std::to_string(damaged) + " of " + std::to_string(files.size()) +
                  " files are damaged: remove them and run the command that made them again");
}

}  // namespace balr
