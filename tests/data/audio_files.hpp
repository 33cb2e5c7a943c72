#pragma once
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "balr/data/audio.hpp"
#include "support/golden.hpp"

namespace balr {

// Writes audio files of every kind into a folder of its own.
class AudioFiles : public ::testing::Test {
 protected:
  // Interleaved samples.
  std::filesystem::path write(const std::string& name, int format, int channels, int rate,
                              const std::vector<float>& samples) {
    SF_INFO info{};
    info.channels = channels;
    info.samplerate = rate;
    info.format = format;
    const std::filesystem::path file = dir_.path() / name;
    SNDFILE* out = sf_open(file.c_str(), SFM_WRITE, &info);
    if (!out) throw std::runtime_error(sf_strerror(nullptr));
    sf_writef_float(out, samples.data(), static_cast<sf_count_t>(samples.size()) / channels);
    sf_close(out);
    return file;
  }
  std::filesystem::path bytes(const std::string& name, const std::string& content) {
    std::ofstream(dir_.path() / name, std::ios::binary) << content;
    return dir_.path() / name;
  }
  static std::string content(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The number of frames in the STREAMINFO block: 36 bits.
  static void set_flac_frames(std::string& flac, std::uint64_t frames) {
    flac[21] = static_cast<char>((flac[21] & 0xF0) | static_cast<char>(frames >> 32 & 0x0F));
    for (std::size_t i = 0; i < 4; ++i) flac[22 + i] = static_cast<char>(frames >> (24 - 8 * i));
  }
  static std::vector<float> tone(std::size_t count, double step) {
    std::vector<float> out;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(static_cast<float>(0.3 * std::sin(step * static_cast<double>(i))));
    return out;
  }
  // The same utterance in every format of libsndfile: name and bytes.
  std::vector<std::pair<std::string, std::string>> every_format() {
    const auto x = tone(32000, 0.05);
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, format] : kFormats)
      out.emplace_back(name, content(write(name, format, 1, 16000, x)));
    return out;
  }
  RowStatus status(const std::filesystem::path& file) { return loader_.load(file).status; }

  static constexpr std::pair<const char*, int> kFormats[] = {
      {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
      {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
      {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
      {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
      {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}};
  test::TempDir dir_;
  AudioLoader loader_{16000, {}};
};

}  // namespace balr
