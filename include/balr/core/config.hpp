#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The configuration: one typed tree (keys, types, defaults: behaviour of the Python balr 2.0.0,
// plus ours). Precedence: compiled defaults < YAML file < command-line overrides < options.
namespace balr {

enum class KeyType { kInt, kFloat, kBool, kText, kOptionalText, kTextList, kOptionalPath };

// Whether a key changes numbers (identity) or only how the work is done (runtime).
enum class KeyRole { kExtractIdentity, kTrainIdentity, kScoreIdentity, kRuntime };

struct KeyInfo {
  std::string name;  // dotted, e.g. trainer.losses.mse.weight
  KeyType type;
  std::string default_value;  // as it would be written in an override
  std::vector<KeyRole> roles;
  std::string help;  // one line, with the unit
  // Of a text: the only values allowed (in any case); empty: any text.
  std::vector<std::string> choices = {};
  // Of a group: the key exists while one of these is selected; empty: while any is.
  std::vector<std::string> options = {};
};

class Config {
 public:
  Config();  // the defaults
  ~Config();
  Config(const Config&);
  Config(Config&&) noexcept;
  Config& operator=(const Config&);
  Config& operator=(Config&&) noexcept;

  // Every key there is, groups' options included.
  static std::span<const KeyInfo> schema();

  // Applies a YAML file / overrides in hydra's grammar, in order. Throws ConfigError naming file and
  // line or argument, key, expected type and the nearest known key; the configuration is unchanged
  // then. Interpolations (${trainer.epochs}) follow the values they name; apply_overrides refuses
  // those, of files too, that name nothing.
  void load_yaml(const std::filesystem::path& file);
  void apply_overrides(std::span<const std::string> overrides);
  // Sets a key from an option: any text, no grammar (a list: separated by commas). `origin` is
  // shown by `balr config`.
  void set_from_option(std::string_view key, std::string_view value, std::string_view origin);

  // Typed access. An unknown key, one of another type or one whose group is not selected is a
  // programmer error (InternalError): ask has() first. integer() throws ConfigError for an integer
  // beyond 64 bits, which the tree keeps as Python does.
  bool has(std::string_view key)
      const;  // also for a selected option, e.g. "trainer.losses.mse", "scorer.beta"
  std::int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;
  bool flag(std::string_view key) const;
  std::string text(std::string_view key) const;
  std::optional<std::string> optional_text(std::string_view key) const;  // also of a path
  std::vector<std::string> list(std::string_view key) const;
  // True if a file, an override or an option gave the value (as opposed to the default). A file
  // that repeats the default does not count, so that the config.yaml of a run, used as a file,
  // behaves as that run did.
  bool was_set(std::string_view key) const;
  std::string origin(std::string_view key) const;  // "default", "file X", "override", "option --x"

  // What was accepted but has no effect (keys added with +, keys of hydra itself): a sentence each.
  std::vector<std::string> notes() const;

  // The resolved tree; load_yaml of it gives an equal tree again. With origins, each value is
  // followed by a comment.
  std::string to_yaml(bool with_origins = false) const;
  // One flat JSON object {"dotted.key": value}; infinities and NaN are the texts "inf", "-inf", "nan".
  std::string to_json() const;
  // Canonical text of all keys with this role and their values, for hashing; equal on every rank.
  std::string identity(KeyRole role) const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace balr
