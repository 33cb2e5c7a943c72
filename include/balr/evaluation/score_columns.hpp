#pragma once

// Columns of scores.csv: `score test` writes them, `score calibrate` reads them (by name, in any
// order) and adds its own. Log-LRs are natural unless the name says log10; all digits are written;
// cells of trials without a score are empty.
namespace balr::score_columns {

inline constexpr const char* kEnrollment = "enrollment";  // ids joined by commas
inline constexpr const char* kTest = "test";
// Speaker of each side, where known. `score calibrate` needs them: it refuses speakers in common.
inline constexpr const char* kEnrollmentSpeaker = "enrollment_speaker";
inline constexpr const char* kTestSpeaker = "test_speaker";
inline constexpr const char* kLabel =
    "label";  // 1: same speaker, 0: different ones, empty: unknown
inline constexpr const char* kScores =
    "scores";  // the scorer's output; a natural-log LR but for cosines
inline constexpr const char* kLog10Lr = "log10_lr";  // scores / ln 10
inline constexpr const char* kStatus = "status";     // "ok", else why there is no score

// Added by `score calibrate`. log_lr and log10_lr are then what may be reported: inside the bounds.
inline constexpr const char* kRawLogLr = "log_lr_raw";  // calibrated, before the bounds
inline constexpr const char* kLogLr = "log_lr";
inline constexpr const char* kRawLog10Lr = "log10_lr_raw";
inline constexpr const char* kCut = "cut";  // "lower" or "upper" where a bound cut it, else empty

}  // namespace balr::score_columns
