#pragma once
#include "app/commands/binarize.hpp"
#include "app/commands/doctor.hpp"
#include "app/commands/explain.hpp"
#include "app/commands/extract.hpp"
#include "app/commands/model_info.hpp"
#include "app/commands/model_init.hpp"
#include "app/commands/score_test.hpp"
#include "app/commands/score_train.hpp"
#include "app/commands/train.hpp"
#include "balr/core/error.hpp"
#include "balr/run/stop_flag.hpp"

namespace balr {

class World;

// What balr-compute does, from the command line to a pipeline's options. Collective: on all ranks.
ExitCode run_binarize(const BinarizeCommand& command, World& world, const StopFlag& stop);
ExitCode run_explain(const ExplainCommand& command, World& world, const StopFlag& stop);
ExitCode run_extract(const ExtractCommand& command, World& world, const StopFlag& stop);
ExitCode run_doctor(const DoctorCommand& command, World& world, const StopFlag& stop);
ExitCode run_score_train(const ScoreTrainCommand& command, World& world, const StopFlag& stop);
ExitCode run_score_test(const ScoreTestCommand& command, World& world, const StopFlag& stop);
ExitCode run_train(const TrainCommand& command, World& world, const StopFlag& stop);
// In one process, without MPI.
ExitCode run_model_init(const ModelInitCommand& command);
ExitCode run_model_info(const ModelInfoCommand& command);

}  // namespace balr
