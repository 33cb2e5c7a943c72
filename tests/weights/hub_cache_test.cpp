#include "balr/weights/hub_cache.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

Environment of(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

void put(const fs::path& file, const std::string& content = "x") {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << content;
}

const std::string kRepo = "Wespeaker/wespeaker-voxceleb-resnet34-LM";
const std::string kRevision = "f0c48c298fd835726c27956a5d617bad7115627e";

fs::path fill(const fs::path& cache, const std::string& revision = kRevision) {
  const fs::path model = cache / "models--Wespeaker--wespeaker-voxceleb-resnet34-LM";
  put(model / "refs" / "main", revision);
  put(model / "blobs" / "abc");
  fs::create_directories(model / "snapshots" / revision);
  fs::create_symlink("../../blobs/abc", model / "snapshots" / revision / "avg_model.pt");
  put(model / "snapshots" / revision / "config.yaml");
  return model / "snapshots" / revision;
}

template <class Error>
std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(HubCacheTest, FindsTheSnapshotInEveryPlaceOfTheCache) {
  const test::TempDir folder;
  const fs::path root = folder.path();
  const std::map<std::string, fs::path> places{{"HF_HUB_CACHE", "a"},
                                               {"HUGGINGFACE_HUB_CACHE", "b"},
                                               {"HF_HOME", "c/hub"},
                                               {"XDG_CACHE_HOME", "d/huggingface/hub"},
                                               {"HOME", "e/.cache/huggingface/hub"}};
  for (const auto& [variable, place] : places) {
    const fs::path snapshot = fill(root / place);
    const ModelFolder found =
        find_model_folder(kRepo, of({{variable, (root / *place.begin()).string()}}));
    EXPECT_EQ(found.path, snapshot) << variable;
    EXPECT_EQ(found.revision, kRevision);
  }
  EXPECT_EQ(find_model_folder(kRepo, of({{"HOME", (root / "e").string()}, {"HF_HOME", "~/../c"}})).revision, kRevision);
  EXPECT_EQ(find_model_folder(kRepo, of({{"S", root.string()}, {"HF_HUB_CACHE", "${S}/a"}})).revision, kRevision);
  EXPECT_EQ(find_model_folder(kRepo, of({{"S", root.string()}, {"HF_HUB_CACHE", "$S/a"}})).revision, kRevision);
}

TEST(HubCacheTest, EarlierVariablesWin) {
  const test::TempDir folder;
  fill(folder.path() / "right");
  EXPECT_NO_THROW(find_model_folder(kRepo, of({{"HF_HUB_CACHE", (folder.path() / "right").string()},
                                               {"HF_HOME", (folder.path() / "wrong").string()}})));
  EXPECT_THROW(find_model_folder(kRepo, of({{"HF_HUB_CACHE", (folder.path() / "wrong").string()},
                                            {"HUGGINGFACE_HUB_CACHE", (folder.path() / "right").string()}})),
               ConfigError);
}

TEST(HubCacheTest, AnAbsentModelIsAnErrorThatSaysWhatToDo) {
  const test::TempDir folder;
  const auto environment = of({{"HF_HUB_CACHE", folder.path().string()}});
  const std::string text = message<ConfigError>([&] { find_model_folder(kRepo, environment); });
  for (const char* part : {"no network", "models--Wespeaker--wespeaker-voxceleb-resnet34-LM", "folder with the model"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  const fs::path snapshot = fill(folder.path());
  EXPECT_NO_THROW(find_model_folder(kRepo, environment));
  fs::remove_all(snapshot);
  const std::string gone = message<ConfigError>([&] { find_model_folder(kRepo, environment); });
  EXPECT_NE(gone.find("snapshot"), std::string::npos) << gone;
  fill(folder.path(), "../../outside");  // a folder that exists, within this test's own
  EXPECT_THROW(find_model_folder(kRepo, environment), ConfigError);
  for (const char* repo : {"", "a/b/c", "a b", "a/", "a\\b"})
    EXPECT_THROW(find_model_folder(repo, environment), ConfigError) << repo;
}

TEST(HubCacheTest, AFolderIsTakenAsItIs) {
  const test::TempDir folder;
  EXPECT_EQ(find_model_folder(folder.path().string(), of({})).path, folder.path());
  EXPECT_EQ(find_model_folder("~", of({{"HOME", folder.path().string()}})).path, folder.path());
  fs::create_directories(folder.path() / "my model");
  EXPECT_EQ(find_model_folder("~/my model", of({{"HOME", folder.path().string()}})).path, folder.path() / "my model");
  const std::string text = message<ConfigError>([&] { find_model_folder((folder.path() / "no").string(), of({})); });
  EXPECT_NE(text.find("does not exist"), std::string::npos) << text;
}

TEST(HubCacheTest, NamesOfWeightsFollowTheRule) {
  const test::TempDir folder;
  put(folder.path() / "config.yaml");
  put(folder.path() / "avg_model.pt");
  const auto taken = [&](const std::string& name) {
    return find_model_files(folder.path(), name, "config.yaml").weights.filename().string();
  };
  EXPECT_EQ(taken("avg_model.pt"), "avg_model.pt");
  EXPECT_EQ(find_model_files(folder.path(), "avg_model.pt", "config.yaml").note, "");
  EXPECT_EQ(taken("avg_model"), "avg_model.pt");
  EXPECT_EQ(taken("avg_models"), "avg_model.pt");  // as the recipe has it
  EXPECT_NE(find_model_files(folder.path(), "avg_models", "config.yaml").note.find("avg_model.pt"), std::string::npos);
  EXPECT_EQ(taken("anything"), "avg_model.pt");
  put(folder.path() / "other.pt");
  EXPECT_EQ(taken("avg_models"), "avg_model.pt");
  const std::string text = message<ConfigError>([&] { taken("anything"); });
  EXPECT_NE(text.find("avg_model.pt, config.yaml, other.pt"), std::string::npos) << text;
  put(folder.path() / "avg_model");
  EXPECT_EQ(taken("avg_models"), "avg_model");
  EXPECT_EQ(taken("avg_model"), "avg_model");
  EXPECT_THROW(find_model_files(folder.path(), "avg_model", "absent.yaml"), ConfigError);
}

}  // namespace
}  // namespace balr
