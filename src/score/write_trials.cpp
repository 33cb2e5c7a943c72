#include <algorithm>
#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"
#include "balr/score/make_trials.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

TrialSource read_source(const TrialFileOptions& options) {
  const fs::path file =
      fs::is_directory(options.input) ? options.input / "metadata.csv" : options.input;
  if (!fs::exists(file))
    throw DataError("there is no " + file.string() +
                    ": give a CSV with the columns id and speaker, or a folder of `balr extract`");
  const Manifest manifest = read_manifest(file, {}, {});
  if (manifest.header.empty() || !manifest.has_speaker)
    throw DataError(file.string() + " has no column `speaker`: trials need one of every recording");
  TrialSource out;
  const auto column =
      std::find(manifest.header.begin(), manifest.header.end(), options.exclude_same) -
      manifest.header.begin();
  const bool grouped = !options.exclude_same.empty();
  if (grouped && column == static_cast<std::ptrdiff_t>(manifest.header.size()))
    throw DataError(file.string() + " has no column '" + options.exclude_same +
                    "' (--exclude-same): it has " + csv_line(manifest.header));
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const std::string& id = manifest.rows[i].id;
    // Commas join the recordings of one side.
    if (id.find_first_of(",\t\n\r\"") != std::string::npos)
      throw DataError("the id '" + id + "' of " + file.string() +
                      " has a comma, tab, quotation mark or line break, which a list of trials "
                      "cannot hold: rename it");
    out.ids.push_back(id);
    out.speakers.push_back(manifest.rows[i].speaker);
    if (grouped) out.group.push_back(manifest.cells[i][static_cast<std::size_t>(column)]);
  }
  return out;
}

}  // namespace

TrialCounts write_trials(const TrialFileOptions& options) {
  std::error_code error;
  if (!options.force && fs::exists(options.out, error))
    throw DataError(options.out.string() +
                    " is there already: choose another --out, or replace it with --force");
  const TrialSource source = read_source(options);
  const fs::path temporary = temporary_name(options.out);
  std::ofstream out(temporary, std::ios::binary);
  out << "enrollment\ttest\tlabel\n";
  try {
    const TrialCounts counts = make_trials(source, options.choice, [&](const TrialPair& pair) {
      out << source.ids[static_cast<std::size_t>(pair.enrollment)] << '\t'
          << source.ids[static_cast<std::size_t>(pair.test)] << '\t' << (pair.target ? 1 : 0)
          << '\n';
    });
    out.close();
    if (!out) throw IoError("cannot write " + options.out.string());
    publish(temporary, options.out);
    return counts;
  } catch (...) {
    fs::remove(temporary, error);
    throw;
  }
}

}  // namespace balr
