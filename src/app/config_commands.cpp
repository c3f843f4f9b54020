#include "app/config_commands.h"

#include "app/cli.h"
#include "app/reference.h"
#include "app/settings.h"
#include "base/files.h"
#include "config/explain.h"
#include "config/schema.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

namespace penstock::app {
namespace {

/// Never over a file that is there.
Status write_new(const std::filesystem::path& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) return files::system_error("cannot make", path, errno);
    const auto written = ::write(fd, text.data(), text.size());
    const int error = written < 0 ? errno : ENOSPC;
    ::close(fd);
    if (written == static_cast<ssize_t>(text.size())) return {};
    ::unlink(path.c_str());
    return files::system_error("cannot write", path, error);
}

}  // namespace

int print_schema(const SchemaOptions& options) {
    const auto use = options.overlay ? config::SchemaFor::overlay : config::SchemaFor::whole_file;
    std::cout << config::json_schema(config::table_of<Settings>(), use);
    return kExitOk;
}

int explain_setting(const ExplainOptions& options) {
    const auto text = config::explain(config::table_of<Settings>(), options.key);
    if (!text) {
        std::cerr << "penstock: " << text.error().message << '\n';
        return kExitFailed;
    }
    std::cout << *text;
    return kExitOk;
}

int begin_settings(const InitOptions& options) {
    const std::string text = options.all ? settings_file() : starting_file();
    if (options.file.empty()) {
        std::cout << text;
        return kExitOk;
    }
    if (const auto written = write_new(options.file, text); !written.ok()) {
        std::cerr << "penstock: " << written.error().message << '\n';
        return kExitFailed;
    }
    std::cout << "Written. Next: penstock check --config " << options.file.string() << '\n';
    return kExitOk;
}

}  // namespace penstock::app
