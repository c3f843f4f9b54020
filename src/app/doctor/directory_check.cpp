#include "app/doctor/checks.h"
#include "base/files.h"
#include "config/units.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace penstock::app::doctor {
namespace {

/// A file system that is no good for a journal.
struct Unfit {
    decltype(std::declval<struct statfs>().f_type) magic;
    Grade grade;
    std::string_view what;
};
constexpr std::array kUnfit{
    Unfit{TMPFS_MAGIC, Grade::warning, "tmpfs: everything is gone with the machine's power"},
    Unfit{RAMFS_MAGIC, Grade::warning, "ramfs: everything is gone with the machine's power"},
    Unfit{NFS_SUPER_MAGIC, Grade::bad, "NFS: a durable write and a lock mean less there"},
    Unfit{OVERLAYFS_SUPER_MAGIC, Grade::warning, "an overlay: slow, and gone with the container"},
};

/// The folder itself, or the nearest one above it that is there.
std::filesystem::path nearest(std::filesystem::path path) {
    std::error_code none;
    while (!std::filesystem::exists(path, none) && path.has_relative_path())
        path = path.parent_path();
    return path.empty() ? "." : path;
}

void check_kind(const std::filesystem::path& path, Chart& chart) {
    struct statfs about{};
    if (::statfs(path.c_str(), &about) != 0) return;
    const auto* const found =
        std::find_if(kUnfit.begin(), kUnfit.end(), [&about](const Unfit& unfit) {
            return unfit.magic == about.f_type;
        });
    if (found == kUnfit.end()) return;
    const std::string what = fmt::format("{} is on {}", path.string(), found->what);
    const std::string remedy =
        "Put data_dir on a file system of a local disk, such as ext4 or XFS.";
    if (found->grade == Grade::bad) {
        chart.bad(what, remedy);
    } else {
        chart.warn(what, remedy);
    }
}

void check_space(const Subject& subject, const std::filesystem::path& path, Chart& chart) {
    const auto space = subject.disk.space(path);
    if (!space) {
        chart.unknown(space.error().message, "Look whether data_dir is mounted as it should be.");
        return;
    }
    const auto& writing = subject.settings.journal.writing;
    const auto used = space->total - std::min(space->available, space->total);
    const double percent =
        space->total == 0 ? 100
                          : 100 * static_cast<double>(used) / static_cast<double>(space->total);
    const std::uint64_t enough = writing.disk_enough.value;
    const bool scarce = enough == 0 || space->available < enough;
    const std::string what = fmt::format(
        "{} MiB free of {} MiB ({:.0f} % used)",
        space->available >> 20U,
        space->total >> 20U,
        percent
    );
    if (scarce && percent > writing.disk_hard) {
        chart.bad(
            fmt::format(
                "the disk is full: {}; nothing is taken above {} %", what, writing.disk_hard
            ),
            "Make room or grow the file system; lower journal.retain_size so that history takes "
            "less."
        );
    } else if (scarce && percent > writing.disk_soft) {
        chart.warn(
            "the disk is nearly full: " + what,
            "Make room or grow the file system before it reaches journal.disk_hard."
        );
    } else {
        chart.good(what);
    }
}

/// Access rights say little (root, read-only mounts, sandboxes): only a file that was made does.
Status try_to_write(const std::filesystem::path& path) {
    std::string name = (path / ".doctor-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0) return files::system_error("cannot make a file in", path, errno);
    ::close(fd);
    return files::remove(name);
}

}  // namespace

void check_directory(const Subject& subject, Chart& chart) {
    const auto& data_dir = subject.settings.data_dir;
    const auto path = nearest(std::filesystem::absolute(data_dir));
    check_kind(path, chart);
    check_space(subject, path, chart);
    if (const auto written = try_to_write(path); !written.ok()) {
        chart.bad(
            written.error().message,
            fmt::format(
                "Give {} to the user who runs Penstock (chown, a mount that is not read-only), or "
                "run "
                "doctor as that user.",
                data_dir.string()
            )
        );
    } else if (std::error_code none; !std::filesystem::exists(data_dir, none)) {
        chart.good(data_dir.string() + " is not there yet: the first start makes it");
    } else {
        chart.good(data_dir.string() + " can be written");
    }
}

}  // namespace penstock::app::doctor
