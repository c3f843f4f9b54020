#include "app/cli_archive.h"

namespace penstock::app {

namespace {

void add_restore(CLI::App& archive, Action& action, RestoreOptions& options) {
    auto* restore = archive.add_subcommand(
        "restore", "Deliver archived records to another sink, with the ids that they had."
    );
    add_config(*restore, options.config, kConfigHelp)->check(CLI::ExistingFile)->required();
    restore->add_option("-s,--sink", options.archive, "The archive that has them")->required();
    restore->add_option("-t,--to", options.to, "The sink that gets them")->required();
    restore->add_option("-f,--from", options.from, "Event time of the first");
    restore->add_option("-u,--until", options.until, "Event time behind the last");
    restore->add_option("--stream", options.stream, "Only records of this stream");
    restore->add_option("--device", options.device, "Only records of this device");
    restore->add_option("--where", options.where, "Only records for which this holds");
    restore->callback([&] { action = [&options] { return restore_archive(options); }; });
}

}  // namespace

void add_archive(CLI::App& app, Action& action, ArchiveOptions& options, RestoreOptions& restore) {
    auto* archive =
        app.add_subcommand("archive", "Look after what the archive sinks have written.");
    archive->require_subcommand(1);
    auto* verify = archive->add_subcommand(
        "verify", "Prove from the manifests that no object and no record is missing."
    );
    add_config(*verify, options.config, kConfigHelp)->check(CLI::ExistingFile)->required();
    verify->add_option("-s,--sink", options.sink, "Only this archive");
    verify->add_option(
        "--since", options.since, "Only what was archived in this hour or later (a time)"
    );
    verify->add_flag(
        "--deep", options.deep, "Read every object, even where the store tells its SHA-256"
    );
    verify->callback([&] { action = [&options] { return verify_archives(options); }; });
    add_restore(*archive, action, restore);
}

}  // namespace penstock::app
