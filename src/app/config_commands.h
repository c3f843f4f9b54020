#pragma once

#include <filesystem>
#include <string>

/// `penstock config`: what can be set, for people and editors.
namespace penstock::app {

struct SchemaOptions {
    bool overlay = false;
};
/// Prints the settings as a JSON Schema.
int print_schema(const SchemaOptions& options);

struct ExplainOptions {
    std::string key;
};
/// kExitFailed: there is no such key; what was meant is suggested.
int explain_setting(const ExplainOptions& options);

struct InitOptions {
    std::filesystem::path file;  // empty: print it
    bool all = false;            // every key, instead of what most installations begin with
};
/// Writes a commented settings file to begin with. kExitFailed: the file exists, or cannot be
/// written.
int begin_settings(const InitOptions& options);

}  // namespace penstock::app
