// The one place that decodes with FFmpeg: mp4 (m4a), wma, aac, matroska.
#include <cstring>
#include <vector>

#include "data/audio_source.hpp"
#include "data/ffmpeg_library.hpp"

namespace balr {
namespace {

// Containers that have audio in themselves. No playlists, which open other files.
constexpr const char* kFormats = "mov,asf,aac,matroska";
constexpr int kIoBuffer = 32768;  // bytes

int read_input(void* self, std::uint8_t* to, int count) {
  const auto got = static_cast<InputFile*>(self)->read(to, count);
  return got > 0 ? static_cast<int>(got) : AVERROR_EOF;
}

std::int64_t seek_input(void* self, std::int64_t offset, int whence) {
  auto& file = *static_cast<InputFile*>(self);
  return whence & AVSEEK_SIZE ? file.size() : file.seek(offset, whence & ~AVSEEK_FORCE);
}

template <class T>
float to_float(T value) {
  if constexpr (std::is_same_v<T, std::uint8_t>) return (static_cast<float>(value) - 128) / 128;
  if constexpr (std::is_same_v<T, std::int16_t>) return static_cast<float>(value) / 32768;
  if constexpr (std::is_same_v<T, std::int32_t>) return static_cast<float>(value) / 2147483648.0f;
  return static_cast<float>(value);
}

// Interleaves a frame, whose planes are one a channel or a single one.
template <class T>
void copy_samples(const AVFrame& frame, bool planar, std::size_t channels,
                  std::vector<float>& out) {
  const auto count = static_cast<std::size_t>(frame.nb_samples);
  out.resize(count * channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const T* from = reinterpret_cast<const T*>(frame.extended_data[planar ? c : 0]);
    const std::size_t step = planar ? 1 : channels, first = planar ? 0 : c;
    for (std::size_t i = 0; i < count; ++i)
      out[i * channels + c] = to_float(from[first + i * step]);
  }
}

class FfmpegFile final : public AudioSource {
 public:
  explicit FfmpegFile(const FfmpegLibrary& library) : lib_(library) {}
  ~FfmpegFile() override;
  FfmpegFile(const FfmpegFile&) = delete;
  FfmpegFile& operator=(const FfmpegFile&) = delete;

  // kOk if the first frame is there.
  DecodeResult open(InputFile& file);
  std::span<const float> read() override;
  DecodeResult verdict(std::int64_t frames) override;

 private:
  DecodeResult open_container(InputFile& file);
  DecodeResult open_decoder();
  bool next_frame();   // false: the end, or failure_
  bool feed_packet();  // the same
  bool accept_packet();
  void interleave();
  void fail(std::string reason) { failure_ = failed(RowStatus::kDecode, std::move(reason)); }
  std::string text(int error) const;

  const FfmpegLibrary& lib_;
  AVIOContext* io_ = nullptr;
  AVFormatContext* format_ = nullptr;
  AVCodecContext* codec_ = nullptr;
  AVPacket* packet_ = nullptr;
  AVFrame* frame_ = nullptr;
  int stream_ = -1;
  std::int64_t packets_ = 0;
  bool draining_ = false, first_waits_ = false;
  DecodeResult failure_;
  std::vector<float> block_;
};

FfmpegFile::~FfmpegFile() {
  lib_.av_frame_free(&frame_);
  lib_.av_packet_free(&packet_);
  lib_.avcodec_free_context(&codec_);
  lib_.avformat_close_input(&format_);
  if (io_) lib_.av_free(io_->buffer);
  lib_.avio_context_free(&io_);
}

std::string FfmpegFile::text(int error) const {
  char out[AV_ERROR_MAX_STRING_SIZE] = "";
  lib_.av_strerror(error, out, sizeof out);
  return out;
}

DecodeResult FfmpegFile::open(InputFile& file) {
  DecodeResult result = open_container(file);
  if (result.status == RowStatus::kOk) result = open_decoder();
  if (result.status != RowStatus::kOk) return result;
  packet_ = lib_.av_packet_alloc();
  frame_ = lib_.av_frame_alloc();
  first_waits_ = next_frame();  // only now rate and channels are known: HE-AAC doubles the header's
  if (failure_.status != RowStatus::kOk) return failure_;
  if (!first_waits_) return failed(RowStatus::kDecode, "no audio in the file");
  rate_ = frame_->sample_rate;
  channels_ = frame_->ch_layout.nb_channels;
  return {};
}

DecodeResult FfmpegFile::open_container(InputFile& file) {
  auto* buffer = static_cast<unsigned char*>(lib_.av_malloc(kIoBuffer));
  io_ = lib_.avio_alloc_context(buffer, kIoBuffer, 0, &file, read_input, nullptr, seek_input);
  format_ = lib_.avformat_alloc_context();
  if (!io_ || !format_) return failed(RowStatus::kDecode, "no memory for the decoder");
  format_->pb = io_;
  AVDictionary* options = nullptr;
  lib_.av_dict_set(&options, "format_whitelist", kFormats, 0);
  lib_.av_dict_set(&options, "protocol_whitelist", "", 0);
  const int opened = lib_.avformat_open_input(&format_, nullptr, nullptr, &options);
  lib_.av_dict_free(&options);
  if (opened < 0) return failed(RowStatus::kDecode, "broken: " + text(opened));
  const int known = lib_.avformat_find_stream_info(format_, nullptr);
  if (known < 0) return failed(RowStatus::kDecode, "broken: " + text(known));
  if (lib_.av_dict_get(format_->metadata, "ASF_Protection_Type", nullptr, 0))
    return failed(RowStatus::kDecode, "encrypted (DRM)");
  return {};
}

// The stream that `ffmpeg` and torchaudio take too.
DecodeResult FfmpegFile::open_decoder() {
  stream_ = lib_.av_find_best_stream(format_, AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
  if (stream_ < 0) return failed(RowStatus::kDecode, "no audio stream in the file");
  for (unsigned i = 0; i < format_->nb_streams; ++i)
    if (static_cast<int>(i) != stream_) format_->streams[i]->discard = AVDISCARD_ALL;
  const AVCodecParameters& parameters = *format_->streams[stream_]->codecpar;
  const std::uint32_t tag = parameters.codec_tag;
  if (tag == MKTAG('d', 'r', 'm', 's') || tag == MKTAG('e', 'n', 'c', 'a'))
    return failed(RowStatus::kDecode, "encrypted (DRM)");
  const AVCodec* decoder = lib_.avcodec_find_decoder(parameters.codec_id);
  if (!decoder)
    return failed(RowStatus::kDecode, std::string("this build of FFmpeg has no decoder for ") +
                                          lib_.avcodec_get_name(parameters.codec_id));
  codec_ = lib_.avcodec_alloc_context3(decoder);
  if (!codec_) return failed(RowStatus::kDecode, "no memory for the decoder");
  int error = lib_.avcodec_parameters_to_context(codec_, &parameters);
  codec_->thread_count = 1;  // one file a thread is parallel enough
  codec_->pkt_timebase = format_->streams[stream_]->time_base;
  if (error >= 0) error = lib_.avcodec_open2(codec_, decoder, nullptr);
  if (error < 0) return failed(RowStatus::kDecode, "broken: " + text(error));
  return {};
}

bool FfmpegFile::accept_packet() {
  if (packet_->flags & AV_PKT_FLAG_CORRUPT) return fail("broken: a damaged packet"), false;
  if (lib_.av_packet_get_side_data(packet_, AV_PKT_DATA_ENCRYPTION_INFO, nullptr))
    return fail("encrypted (DRM)"), false;
  return true;
}

bool FfmpegFile::feed_packet() {
  while (true) {
    lib_.av_packet_unref(packet_);
    const int read = lib_.av_read_frame(format_, packet_);
    if (read == AVERROR_EOF) {
      draining_ = true;
      lib_.avcodec_send_packet(codec_, nullptr);
      return true;
    }
    if (read < 0) return fail("broken: " + text(read)), false;
    if (packet_->stream_index != stream_) continue;
    ++packets_;
    if (!accept_packet()) return false;
    const int sent = lib_.avcodec_send_packet(codec_, packet_);
    if (sent < 0) return fail("broken: " + text(sent)), false;
    return true;
  }
}

bool FfmpegFile::next_frame() {
  while (true) {
    const int got = lib_.avcodec_receive_frame(codec_, frame_);
    if (got == AVERROR(EAGAIN) && !draining_) {
      if (!feed_packet()) return false;
      continue;
    }
    if (got < 0 && got != AVERROR_EOF && got != AVERROR(EAGAIN)) fail("broken: " + text(got));
    if (got < 0) return false;
    if (frame_->nb_samples > 0) return true;
  }
}

void FfmpegFile::interleave() {
  const auto format = static_cast<AVSampleFormat>(frame_->format);
  const bool planar = lib_.av_sample_fmt_is_planar(format) != 0;
  const auto channels = static_cast<std::size_t>(channels_);
  switch (format) {
    case AV_SAMPLE_FMT_U8:
    case AV_SAMPLE_FMT_U8P:
      return copy_samples<std::uint8_t>(*frame_, planar, channels, block_);
    case AV_SAMPLE_FMT_S16:
    case AV_SAMPLE_FMT_S16P:
      return copy_samples<std::int16_t>(*frame_, planar, channels, block_);
    case AV_SAMPLE_FMT_S32:
    case AV_SAMPLE_FMT_S32P:
      return copy_samples<std::int32_t>(*frame_, planar, channels, block_);
    case AV_SAMPLE_FMT_FLT:
    case AV_SAMPLE_FMT_FLTP:
      return copy_samples<float>(*frame_, planar, channels, block_);
    case AV_SAMPLE_FMT_DBL:
    case AV_SAMPLE_FMT_DBLP:
      return copy_samples<double>(*frame_, planar, channels, block_);
    default:
      block_.clear();
      return fail("samples of a kind that is not known here");
  }
}

std::span<const float> FfmpegFile::read() {
  if (failure_.status != RowStatus::kOk) return {};
  if (!first_waits_ && !next_frame()) return {};
  first_waits_ = false;
  if (frame_->sample_rate != rate_ || frame_->ch_layout.nb_channels != channels_) {
    fail("its rate or channels change midway");
    return {};
  }
  interleave();
  return block_;
}

DecodeResult FfmpegFile::verdict(std::int64_t frames) {
  if (failure_.status != RowStatus::kOk) return failure_;
  if (frames == 0) return failed(RowStatus::kDecode, "no audio in the file");
  // An mp4 has a table of all its packets; one that was cut ends before.
  const bool table = std::strstr(format_->iformat->name, "mp4") != nullptr;
  const int expected = lib_.avformat_index_get_entries_count(format_->streams[stream_]);
  if (table && packets_ < expected)
    return failed(RowStatus::kDecode, "broken: " + std::to_string(packets_) + " of " +
                                          std::to_string(expected) + " packets are there");
  return {};
}

}  // namespace

std::unique_ptr<AudioSource> open_ffmpeg_file(InputFile& file, DecodeResult& failure) {
  std::string problem;
  const FfmpegLibrary* library = ffmpeg_library(problem);
  if (!library) {
    failure = failed(RowStatus::kDecode, "not readable as m4a, wma, aac or matroska: " + problem);
    return nullptr;
  }
  auto source = std::make_unique<FfmpegFile>(*library);
  failure = source->open(file);
  return failure.status == RowStatus::kOk ? std::move(source) : nullptr;
}

}  // namespace balr
