#include "train/table.hpp"

#include <cmath>
#include <optional>

#include "balr/core/error.hpp"
#include "balr/core/fault.hpp"
#include "balr/dist/world.hpp"
#include "train/shared_file.hpp"

namespace balr {
namespace {

// What the first rank of each node tells the others: where its table is, and what it holds.
struct Told {
  std::string path, content_hash;  // empty: not shared
};

Told tell(World& world, const std::optional<SharedFile>& shared, const Table& table) {
  std::string said;
  if (shared) said = world.host() + "\n" + shared->path().string() + "\n" + table.content_hash;
  for (const std::string& text : world.all_gather(said, "shared table")) {
    if (!text.starts_with(world.host() + "\n")) continue;
    const std::size_t path = world.host().size() + 1, hash = text.rfind('\n') + 1;
    return {text.substr(path, hash - 1 - path), text.substr(hash)};
  }
  return {};
}

}  // namespace

void check_finite(const VectorTable& table, const char* what) {
  for (std::size_t i = 0; i < table.values.size(); ++i)
    if (!std::isfinite(table.values[i]))
      throw DataError(std::string("the ") + what + " embedding of '" +
                      table.ids[i / static_cast<std::size_t>(table.dimension)] +
                      "' is not finite; extract it again, or leave its row out");
}

Table make_table(VectorTable table) {
  Table out;
  out.dimension = table.dimension;
  out.labels = std::move(table.labels);
  out.label_names = std::move(table.label_names);
  out.dropped = static_cast<std::int64_t>(table.dropped.size());
  out.source = std::move(table.source);
  out.model = std::move(table.model);
  out.content_hash = std::move(table.content_hash);
  const auto values = std::make_shared<std::vector<float>>(std::move(table.values));
  out.values = *values;
  out.memory = values;
  return out;
}

Table open_table(const std::filesystem::path& input, const std::filesystem::path& root,
                 const char* what, World& world) {
  const std::string name = std::string("reading the ") + what + " embeddings";
  const auto read = [&] {
    const Busy busy(world, name);
    return make_table(open_vectors(input, root, true));
  };
  const bool shares = fault_number("no", "train.shared_table", world.rank()) == 0;
  Table table;
  std::optional<SharedFile> shared;
  all_agree(world, name, [&] {
    if (world.local_rank() != 0) return;
    table = read();
    if (world.local_size() == 1 || !shares) return;
    if (auto written = SharedFile::write(table)) shared.emplace(std::move(*written));
  });
  if (world.size() == 1) return table;
  const Told told = tell(world, shared, table);
  all_agree(world, name, [&] {
    std::optional<Table> mapped;
    if (!told.path.empty() && shares) mapped = map_table(told.path);
    if (mapped && mapped->content_hash == told.content_hash)
      table = std::move(*mapped);
    else if (world.local_rank() != 0)
      table = read();
  });
  return table;  // all have mapped the file, which goes now
}

}  // namespace balr
