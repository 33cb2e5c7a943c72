#include "scoring/scorer_card.hpp"

#include <nlohmann/json.hpp>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"

namespace balr {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

Json settings_json(const FitSettings& s) {
  switch (s.kind) {
    case ScorerKind::kBeta:
      return {{"n_iterations", s.iterations}, {"eps", s.eps}};
    case ScorerKind::kMaxLlr:
      return {{"n_iterations", s.iterations}, {"f", s.f}, {"p", s.p}, {"q", s.q}};
    default:
      return {{"drop_in", s.drop_in}, {"typicality_threshold", s.typicality_threshold}};
  }
}

FitSettings parse_settings(const Json& json) {
  FitSettings s;
  s.iterations = json.value("n_iterations", s.iterations);
  s.eps = json.value("eps", s.eps);
  s.drop_in = json.value("drop_in", s.drop_in);
  s.typicality_threshold = json.value("typicality_threshold", s.typicality_threshold);
  s.f = json.value("f", s.f);
  s.p = json.value("p", s.p);
  s.q = json.value("q", s.q);
  return s;
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

}  // namespace

std::string name_hash(const std::string& name) { return sha256_hex(name).substr(0, 16); }

std::string card_json(const ScorerCard& card, const std::string& file_hash) {
  const Json json = {
      {"format", "balr scorer"},
      {"format_version", kFormatVersion},
      {"scorer", scorer_name(card.settings.kind)},
      {"settings", settings_json(card.settings)},
      {"scorer_sha256", file_hash},
      {"attributes", card.attributes},
      {"constant_attributes", card.report.constant_attributes},
      {"log_likelihood", optional_json(card.report.log_likelihood)},
      {"last_relative_gain", optional_json(card.report.last_relative_gain)},
      {"population", card.population},
      {"propositions", card.propositions},
      {"data", card.data_source},
      {"data_sha256", card.data_hash},
      {"encoder_sha256", card.encoder},
      {"speakers", card.speakers},
      {"recordings", card.recordings},
      {"fewest_recordings_of_a_speaker", card.fewest_recordings},
      {"most_recordings_of_a_speaker", card.most_recordings},
      {"program_version", card.program_version},
      {"speaker_hashes", card.speaker_hashes},
      {"recording_hashes", card.recording_hashes},
  };
  // Names from a CSV need not be UTF-8.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

ParsedCard parse_card(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != "balr scorer" || json.at("format_version") != kFormatVersion)
      throw DataError("it is not a scorer.json that this version knows");
    ParsedCard out;
    out.scorer = json.at("scorer");
    out.file_hash = json.at("scorer_sha256");
    ScorerCard& card = out.card;
    card.settings = parse_settings(json.at("settings"));
    card.attributes = json.at("attributes");
    card.report.constant_attributes =
        json.at("constant_attributes").get<std::vector<std::int64_t>>();
    card.population = json.at("population");
    card.propositions = json.at("propositions");
    card.data_source = json.at("data");
    card.data_hash = json.at("data_sha256");
    card.encoder = json.at("encoder_sha256");
    card.speakers = json.at("speakers");
    card.recordings = json.at("recordings");
    card.fewest_recordings = json.at("fewest_recordings_of_a_speaker");
    card.most_recordings = json.at("most_recordings_of_a_speaker");
    card.program_version = json.at("program_version");
    card.speaker_hashes = json.at("speaker_hashes").get<std::vector<std::string>>();
    card.recording_hashes = json.at("recording_hashes").get<std::vector<std::string>>();
    return out;
  } catch (const nlohmann::json::exception& e) {
    throw DataError(std::string("it cannot be understood (") + e.what() + ")");
  }
}

}  // namespace balr
