#include "data/ffmpeg_library.hpp"

#include <dlfcn.h>

#include <cstddef>

#include "balr/data/audio_library.hpp"

namespace balr {
namespace {

#define BALR_TEXT_OF(x) #x
#define BALR_TEXT(x) BALR_TEXT_OF(x)
constexpr const char* kAvutil = "libavutil.so." BALR_TEXT(LIBAVUTIL_VERSION_MAJOR);
constexpr const char* kAvcodec = "libavcodec.so." BALR_TEXT(LIBAVCODEC_VERSION_MAJOR);
constexpr const char* kAvformat = "libavformat.so." BALR_TEXT(LIBAVFORMAT_VERSION_MAJOR);

// Larger blocks are what a header lies about: an index of all packets of a day takes 100 MB.
constexpr std::size_t kMaxBlock = std::size_t{1} << 29;

struct Loaded {
  FfmpegLibrary functions;
  std::string problem;
};

// By its name (LD_LIBRARY_PATH, as modules set it), else where it was when balr was built.
void* open_library(const char* name) {
  if (void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return handle;
  return dlopen((std::string(BALR_FFMPEG_FOLDER "/") + name).c_str(), RTLD_NOW | RTLD_LOCAL);
}

template <class Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  return function != nullptr;
}

bool find_all(FfmpegLibrary& f, void* avutil, void* avcodec, void* avformat) {
  bool all = true;
#define BALR_FIND(name) all = find(handle, #name, f.name) && all;
  void* handle = avutil;
  BALR_AVUTIL_FUNCTIONS(BALR_FIND)
  handle = avcodec;
  BALR_AVCODEC_FUNCTIONS(BALR_FIND)
  handle = avformat;
  BALR_AVFORMAT_FUNCTIONS(BALR_FIND)
#undef BALR_FIND
  return all;
}

// What concerns the whole process: silence, a bound on memory, and the same arithmetic on
// processors with and without AVX-512.
void prepare(const FfmpegLibrary& f) {
  f.av_log_set_level(AV_LOG_QUIET);
  f.av_max_alloc(kMaxBlock);
  f.av_force_cpu_flags(f.av_get_cpu_flags() & ~(AV_CPU_FLAG_AVX512 | AV_CPU_FLAG_AVX512ICL));
}

Loaded load() {
  Loaded out;
  void* avutil = open_library(kAvutil);
  void* avcodec = avutil ? open_library(kAvcodec) : nullptr;
  void* avformat = avcodec ? open_library(kAvformat) : nullptr;
  if (!avformat) {
    const char* missing = !avutil ? kAvutil : !avcodec ? kAvcodec : kAvformat;
    out.problem = std::string("it needs FFmpeg's library ") + missing +
                  ": install libavformat" BALR_TEXT(LIBAVFORMAT_VERSION_MAJOR) " (Debian, Ubuntu) "
                  "or load the module ffmpeg that balr was built with";
  } else if (!find_all(out.functions, avutil, avcodec, avformat)) {
    out.problem = std::string("it needs another build of FFmpeg's ") + kAvformat +
                  ": build balr again with the libavformat-dev and libavcodec-dev of this machine";
  } else {
    prepare(out.functions);
  }
  return out;
}

}  // namespace

std::string ffmpeg_library_version() {
  std::string problem;
  const FfmpegLibrary* const f = ffmpeg_library(problem);
  if (!f) return {};
  const unsigned version = f->avformat_version();
  return std::to_string(AV_VERSION_MAJOR(version)) + "." + std::to_string(AV_VERSION_MINOR(version)) + "." +
         std::to_string(AV_VERSION_MICRO(version));
}

const FfmpegLibrary* ffmpeg_library(std::string& problem) {
  static const Loaded loaded = load();
  problem = loaded.problem;
  return problem.empty() ? &loaded.functions : nullptr;
}

}  // namespace balr
