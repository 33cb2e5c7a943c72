#pragma once
// FFmpeg, opened while the program runs: one binary works with it and without it. The headers give
// the types; the versions in them decide which libraries fit.
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/cpu.h>
#include <libavutil/dict.h>
#include <libavutil/mem.h>
}

#include <string>

namespace balr {

// Every function of FFmpeg that we call, by library.
#define BALR_AVFORMAT_FUNCTIONS(X) \
  X(avformat_alloc_context)        \
  X(avformat_open_input)           \
  X(avformat_close_input)          \
  X(avformat_find_stream_info)     \
  X(avformat_index_get_entries_count) \
  X(avformat_version)              \
  X(av_find_best_stream)           \
  X(av_read_frame)                 \
  X(avio_alloc_context)            \
  X(avio_context_free)
#define BALR_AVCODEC_FUNCTIONS(X) \
  X(avcodec_alloc_context3)       \
  X(avcodec_free_context)         \
  X(avcodec_find_decoder)         \
  X(avcodec_get_name)             \
  X(avcodec_open2)                \
  X(avcodec_parameters_to_context) \
  X(avcodec_receive_frame)        \
  X(avcodec_send_packet)          \
  X(av_packet_alloc)              \
  X(av_packet_free)               \
  X(av_packet_get_side_data)      \
  X(av_packet_unref)
#define BALR_AVUTIL_FUNCTIONS(X) \
  X(av_dict_free)                \
  X(av_dict_get)                 \
  X(av_dict_set)                 \
  X(av_force_cpu_flags)          \
  X(av_frame_alloc)              \
  X(av_frame_free)               \
  X(av_free)                     \
  X(av_get_bytes_per_sample)     \
  X(av_get_cpu_flags)            \
  X(av_log_set_level)            \
  X(av_malloc)                   \
  X(av_max_alloc)                \
  X(av_sample_fmt_is_planar)     \
  X(av_strerror)

struct FfmpegLibrary {
#define BALR_DECLARE(name) decltype(&::name) name = nullptr;
  BALR_AVFORMAT_FUNCTIONS(BALR_DECLARE)
  BALR_AVCODEC_FUNCTIONS(BALR_DECLARE)
  BALR_AVUTIL_FUNCTIONS(BALR_DECLARE)
#undef BALR_DECLARE
};

// Null with the reason in `problem`, naming the packages. Loaded once, at the first call.
const FfmpegLibrary* ffmpeg_library(std::string& problem);

}  // namespace balr
