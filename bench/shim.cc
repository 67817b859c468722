// shim.cc: the only file that knows Google Benchmark. Works with version 1.6 and later.
#include "shim.h"

#include <benchmark/benchmark.h>

#include <map>
#include <set>
#include <string>
#include <vector>

struct shim_state {
    benchmark::State &state;
    const std::string &name;
    const void *context;
};

namespace
{

// Why a benchmark failed, by name. Kept here because the library has changed how it tells.
std::map<std::string, std::string> &errors()
{
    static std::map<std::string, std::string> all;
    return all;
}

// The benchmarks whose time is not that of the processor.
std::set<std::string> &by_clock()
{
    static std::set<std::string> all;
    return all;
}

// Hands each figure on instead of printing it.
class reporter : public benchmark::BenchmarkReporter
{
  public:
    reporter(shim_report report, void *context) : report_(report), context_(context) {}

    bool ReportContext(const Context &) override { return true; }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        for (const Run &run : runs)
            if (run.run_type == Run::RT_Iteration)
                tell(run);
    }

  private:
    void tell(const Run &run)
    {
        const std::string &name = run.run_name.function_name;
        auto error = errors().find(name);

        if (error != errors().end()) {
            report_(context_, nullptr, name.c_str(), 0, error->second.c_str());
            return;
        }
        report_(context_, nullptr, name.c_str(),
                by_clock().count(name) ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime(),
                nullptr);
        for (const auto &counter : run.counters)
            report_(context_, counter.first.c_str(), name.c_str(), counter.second.value, nullptr);
    }

    shim_report report_;
    void *context_;
};

} // namespace

void shim_register(const char *name, shim_body body, const shim_how *how)
{
    const std::string copy(name);
    const void *context = how->context;
    auto *added = benchmark::RegisterBenchmark(name, [=](benchmark::State &state) {
        shim_state ours = {state, copy, context};
        body(&ours);
    });

    added->Unit(benchmark::kNanosecond);
    if (how->body_takes_time)
        added->UseManualTime();
    else if (how->real_time)
        added->UseRealTime();
    else
        added->MeasureProcessCPUTime();
    if (how->body_takes_time || how->real_time)
        by_clock().insert(copy);
    if (how->iterations != 0)
        added->Iterations(static_cast<benchmark::IterationCount>(how->iterations));
    else if (how->seconds > 0)
        added->MinTime(how->seconds);
}

void shim_run(shim_report report, void *context)
{
    reporter ours(report, context);
    benchmark::RunSpecifiedBenchmarks(&ours);
}

int shim_main(int argc, char **argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

const void *shim_context(const shim_state *state)
{
    return state->context;
}

size_t shim_next(shim_state *state)
{
    // One batch of everything: the first call is true, the second false.
    const benchmark::IterationCount all = state->state.max_iterations;
    return state->state.KeepRunningBatch(all) ? static_cast<size_t>(all) : 0;
}

void shim_pause(shim_state *state)
{
    state->state.PauseTiming();
}

void shim_resume(shim_state *state)
{
    state->state.ResumeTiming();
}

void shim_set_seconds(shim_state *state, double seconds)
{
    state->state.SetIterationTime(seconds);
}

void shim_set_counter(shim_state *state, const char *counter, double value)
{
    state->state.counters[counter] = value;
}

void shim_fail(shim_state *state, const char *why)
{
    errors()[state->name] = why;
    state->state.SkipWithError(why);
}
