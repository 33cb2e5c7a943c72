#include "score/scored_trials.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/evaluation/score_columns.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
namespace columns = score_columns;

DataError at_line(const fs::path& file, std::int64_t line, const std::string& what) {
  return DataError(file.string() + ", line " + std::to_string(line) + ": " + what);
}

std::optional<std::size_t> column(const ScoreHeader& header, std::string_view name) {
  for (std::size_t i = 0; i < header.names.size(); ++i)
    if (lower_case(header.names[i]) == name) return i;
  return std::nullopt;
}

// Tab, comma, semicolon or bar: the first that parts a column `scores`.
ScoreHeader read_header(std::string_view line, const fs::path& file) {
  for (const char separator : {'\t', ',', ';', '|'}) {
    ScoreHeader header;
    header.separator = {separator, false};
    TrialCells cells;
    cells.split(line, header.separator);
    for (const std::string_view cell : cells.cells()) header.names.emplace_back(cell);
    const auto scores = column(header, columns::kScores);
    if (!scores || header.names.size() < 3) continue;
    header.scores = *scores;
    header.enrollment = column(header, columns::kEnrollment).value_or(0);
    header.test = column(header, columns::kTest).value_or(1);
    header.enrollment_speaker = column(header, columns::kEnrollmentSpeaker);
    header.test_speaker = column(header, columns::kTestSpeaker);
    header.label = column(header, columns::kLabel);
    header.log10_lr = column(header, columns::kLog10Lr);
    header.status = column(header, columns::kStatus);
    return header;
  }
  throw DataError(
      file.string() +
      " has no column `scores` besides two ids; give the scores.csv of `balr score test`");
}

double score_of(std::string_view cell) {
  if (cell.empty()) return std::nan("");
  if (cell.starts_with('+')) cell.remove_prefix(1);  // from_chars takes none
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || std::isnan(value))
    throw DataError("'" + std::string(cell.substr(0, 100)) +
                    "' is no score; leave the cell empty where a trial has none");
  return value;
}

class Reader {
 public:
  explicit Reader(const fs::path& file) { out_.file = file; }

  ScoredTrials read() && {
    const ScoreHeader header = for_each_line(
        out_.file, [&](const ScoreHeader& h) { header_ = &h; },
        [&](const TrialCells& cells, std::int64_t) { add(cells); });
    out_.is_log_lr = header.log10_lr.has_value();
    out_.speaker_count = static_cast<std::uint32_t>(numbers_.size());
    out_.sha256 = sha256_of_file(out_.file);
    out_.speakers = hashes(used_speakers_);
    out_.recordings = hashes(recordings_);
    read_origin();
    return std::move(out_);
  }

 private:
  using Names = std::unordered_set<std::string>;

  std::uint32_t speaker(const TrialCells& cells, const std::optional<std::size_t>& at, bool used) {
    if (!at || cells[*at].empty()) return ScoredTrial::kUnknown;
    const std::string name(cells[*at]);
    if (used) used_speakers_.insert(name);
    return numbers_.emplace(name, static_cast<std::uint32_t>(numbers_.size())).first->second;
  }

  void add_recordings(std::string_view cell) {
    while (true) {
      const std::size_t comma = cell.find(',');
      if (comma != 0 && !cell.empty()) recordings_.emplace(cell.substr(0, comma));
      if (comma == std::string_view::npos) return;
      cell.remove_prefix(comma + 1);
    }
  }

  std::int8_t find_label(const TrialCells& cells, const ScoredTrial& trial) const {
    const bool known = trial.enrollment_speaker != ScoredTrial::kUnknown &&
                       trial.test_speaker != ScoredTrial::kUnknown;
    const std::int8_t truth = trial.enrollment_speaker == trial.test_speaker ? 1 : 0;
    const std::string_view cell = header_->label ? cells[*header_->label] : std::string_view();
    if (cell.empty()) return known ? truth : std::int8_t{-1};
    const std::optional<int> said = label_of(cell);
    if (!said)
      throw DataError("'" + std::string(cell.substr(0, 100)) +
                      "' is no label; give 1, 0, or leave it empty");
    if (known && *said != truth)
      throw DataError("the label contradicts the speakers; correct one of them");
    return static_cast<std::int8_t>(*said);
  }

  void add(const TrialCells& cells) {
    ScoredTrial trial;
    trial.score = score_of(cells[header_->scores]);
    const bool used = trial.has_score();
    trial.enrollment_speaker = speaker(cells, header_->enrollment_speaker, used);
    trial.test_speaker = speaker(cells, header_->test_speaker, used);
    trial.label = find_label(cells, trial);
    out_.trials.push_back(trial);
    if (!used) {
      ++out_.without_score;
      return;
    }
    add_recordings(cells[header_->enrollment]);
    add_recordings(cells[header_->test]);
    if (trial.label < 0)
      ++out_.unlabelled;
    else if (trial.enrollment_speaker == ScoredTrial::kUnknown ||
             trial.test_speaker == ScoredTrial::kUnknown)
      out_.labelled_speakers_known = false;
  }

  static std::vector<NamedHash> hashes(const Names& names) {
    std::vector<NamedHash> out;
    for (const std::string& name : names) out.push_back({sha256_hex(name).substr(0, 16), name});
    std::ranges::sort(out, {}, &NamedHash::hash);
    return out;
  }

  // Which scorer made the scores: metrics.json of `score test` lies beside them.
  void read_origin() {
    std::ifstream file(out_.file.parent_path() / "metrics.json");
    const auto json = nlohmann::json::parse(file, nullptr, false);
    if (!json.is_object()) return;
    const auto text = [&](const char* key) {
      const auto found = json.find(key);
      return found != json.end() && found->is_string() ? found->get<std::string>() : "";
    };
    out_.scorer = text("scorer");
    out_.scorer_sha256 = text("scorer_sha256");
  }

  ScoredTrials out_;
  const ScoreHeader* header_ = nullptr;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  Names used_speakers_, recordings_;
};

}  // namespace

ScoreHeader for_each_line(const fs::path& file,
                          const std::function<void(const ScoreHeader&)>& begin,
                          const std::function<void(const TrialCells&, std::int64_t)>& each) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw IoError("cannot read " + file.string() + "; check the path and its permissions");
  std::string line;
  ScoreHeader header;
  TrialCells cells;
  std::int64_t number = 0;
  while (std::getline(in, line)) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.empty()) continue;
    try {
      if (header.names.empty()) {
        header = read_header(line, file);
        begin(header);
        continue;
      }
      cells.split(line, header.separator);
      if (cells.size() != header.names.size())
        throw DataError("has " + std::to_string(cells.size()) + " columns, the header " +
                        std::to_string(header.names.size()) + "; write the file again");
      each(cells, number);
    } catch (const DataError& error) {
      if (header.names.empty()) throw;
      throw at_line(file, number, error.what());
    }
  }
  if (in.bad()) throw IoError("cannot read " + file.string() + " to its end; check the disk");
  if (header.names.empty())
    throw DataError(file.string() + " is empty; give the scores.csv of `balr score test`");
  return header;
}

ScoredTrials read_scored_trials(const fs::path& file) { return Reader(file).read(); }

ScoreSet labelled_scores(const ScoredTrials& trials,
                         const std::function<double(std::size_t)>& value) {
  ScoreSet set;
  for (std::size_t i = 0; i < trials.trials.size(); ++i) {
    const ScoredTrial& trial = trials.trials[i];
    if (!trial.has_score() || trial.label < 0) continue;
    (trial.label == 1 ? set.targets : set.non_targets).push_back(value ? value(i) : trial.score);
  }
  return set;
}

}  // namespace balr
