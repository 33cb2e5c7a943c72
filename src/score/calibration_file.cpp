#include "score/calibration_file.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"

namespace balr {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kFormat = "balr calibration 1";

Json set_json(const CalibrationFile& c) {
  Json json = {{"file", c.scores_file},
               {"sha256", c.scores_sha256},
               {"scorer", c.scorer},
               {"scorer_sha256", c.scorer_sha256},
               {"targets", c.targets},
               {"non_targets", c.non_targets},
               {"without_score", c.without_score},
               {"unlabelled", c.unlabelled}};
  json["speakers"] = c.speakers_known ? Json(c.speaker_hashes.size()) : Json();
  json["recordings"] = c.recording_hashes.size();
  json["cut_below"] = c.cut_below;
  json["cut_above"] = c.cut_above;
  json["CLLR"] = c.cllr;
  json["CLLR_min"] = c.cllr_min;
  // The first 16 digits of the SHA-256 of each name, as in scorer.json.
  json["speaker_hashes"] = c.speakers_known ? Json(c.speaker_hashes) : Json();
  json["recording_hashes"] = c.recording_hashes;
  return json;
}

Json bounds_json(const CalibrationFile& c) {
  if (!c.elub) return {{"method", "none"}};
  return {{"method", "elub"},
          {"log_lr_lower", c.bounds.lower},
          {"log_lr_upper", c.bounds.upper},
          {"log10_lr_lower", c.bounds.lower / std::numbers::ln10},
          {"log10_lr_upper", c.bounds.upper / std::numbers::ln10}};
}

class Fields {
 public:
  Fields(const Json& json, const std::filesystem::path& file) : json_(json), file_(file) {}

  template <class T>
  T get(const char* key) const {
    try {
      return json_.at(key).get<T>();
    } catch (const Json::exception&) {
      throw bad(key);
    }
  }
  double number(const char* key) const {
    const auto value = get<double>(key);
    if (!std::isfinite(value)) throw bad(key);
    return value;
  }
  std::vector<std::string> hashes(const char* key) const {
    auto out = get<std::vector<std::string>>(key);
    std::ranges::sort(out);
    return out;
  }
  DataError bad(const char* key) const {
    return DataError(file_.string() + " has no usable value of `" + key +
                     "`; give a calibration.json that `balr score calibrate` wrote");
  }

 private:
  const Json& json_;
  const std::filesystem::path& file_;
};

void read_set(const Fields& fields, CalibrationFile& c) {
  c.scores_file = fields.get<std::string>("file");
  c.scores_sha256 = fields.get<std::string>("sha256");
  c.scorer = fields.get<std::string>("scorer");
  c.scorer_sha256 = fields.get<std::string>("scorer_sha256");
  c.targets = fields.get<std::int64_t>("targets");
  c.non_targets = fields.get<std::int64_t>("non_targets");
  c.without_score = fields.get<std::int64_t>("without_score");
  c.unlabelled = fields.get<std::int64_t>("unlabelled");
  c.speakers_known = !fields.get<Json>("speakers").is_null();
  if (c.speakers_known) c.speaker_hashes = fields.hashes("speaker_hashes");
  c.recording_hashes = fields.hashes("recording_hashes");
}

void read_bounds(const Fields& fields, const Fields& bounds, CalibrationFile& c) {
  const auto method = bounds.get<std::string>("method");
  c.elub = method == "elub";
  if (method == "none") return;
  if (!c.elub) throw fields.bad("bounds");
  c.bounds = {bounds.number("log_lr_lower"), bounds.number("log_lr_upper")};
  if (!(c.bounds.lower <= 0 && c.bounds.upper >= 0)) throw fields.bad("bounds");
}

}  // namespace

bool looks_like_json(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  char first = 0;
  return static_cast<bool>(in >> first) && first == '{';
}

void write_calibration(const std::filesystem::path& file, CalibrationFile& c) {
  const Json json = {{"format", kFormat},
                     {"program_version", c.program_version},
                     {"population", c.population},
                     {"propositions", c.propositions},
                     // log-LR (natural) = slope * score + offset, then cut to the bounds.
                     {"method", "affine logistic regression"},
                     {"slope", c.calibration.slope},
                     {"offset", c.calibration.offset},
                     {"target_prior", c.options.target_prior},
                     {"regularization", c.options.regularization},
                     {"degrees_of_freedom", c.options.degrees_of_freedom},
                     {"bounds", bounds_json(c)},
                     {"calibration_set", set_json(c)}};
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  write_file_atomically(file, text);
  c.sha256 = sha256_hex(text);
}

CalibrationFile read_calibration(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  const Json json = Json::parse(text, nullptr, false);
  const Fields fields(json, file);
  if (!json.is_object() || fields.get<std::string>("format") != kFormat) throw fields.bad("format");
  CalibrationFile c;
  c.sha256 = sha256_hex(text);
  c.program_version = fields.get<std::string>("program_version");
  c.population = fields.get<std::string>("population");
  c.propositions = fields.get<std::string>("propositions");
  c.calibration = {fields.number("slope"), fields.number("offset")};
  if (!(c.calibration.slope > 0)) throw fields.bad("slope");
  c.options.target_prior = fields.number("target_prior");
  c.options.regularization = fields.number("regularization");
  c.options.degrees_of_freedom = fields.get<std::int64_t>("degrees_of_freedom");
  const Json bounds = fields.get<Json>("bounds"), set = fields.get<Json>("calibration_set");
  read_bounds(fields, Fields(bounds, file), c);
  read_set(Fields(set, file), c);
  return c;
}

}  // namespace balr
