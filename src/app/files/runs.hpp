#pragma once
#include "app/commands/export.hpp"
#include "app/commands/import.hpp"
#include "app/commands/model_fetch.hpp"
#include "app/commands/score_calibrate.hpp"
#include "app/commands/trials.hpp"
#include "app/commands/verify.hpp"
#include "balr/core/error.hpp"

namespace balr {

// What balr-files does: one function a command, in a file of its own beside this one.
ExitCode run_export(const ExportCommand& command);
ExitCode run_import(const ImportCommand& command);
ExitCode run_model_fetch(const ModelFetchCommand& command);
ExitCode run_score_calibrate(const ScoreCalibrateCommand& command);
ExitCode run_trials(const TrialsCommand& command);
ExitCode run_verify(const VerifyCommand& command);

}  // namespace balr
