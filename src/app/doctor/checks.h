#pragma once

#include "app/doctor/finding.h"
#include "app/settings.h"
#include "penstock/clock.h"
#include "penstock/disk.h"

/// The checks of `penstock doctor`, each in a file of its own; doctor.cpp has the table of them.
/// They change nothing but for files of their own in the data directory, which they remove.
/// Threads: one.
namespace penstock::app::doctor {

/// What is looked at.
/// Threads: immutable.
struct Subject {
    const Settings& settings;
    Disk& disk;
    const Clock& clock;
    /// A node holds the data directory: what it has taken itself (ports) is not in the way.
    bool running = false;
};

/// Of the data directory: can it be written, is there space, and what kind of file system is it?
void check_directory(const Subject& subject, Chart& chart);
/// Of the data directory: io_uring or not, and how long a durable write takes.
void check_writes(const Subject& subject, Chart& chart);
void check_descriptors(const Subject& subject, Chart& chart);
void check_memory(const Subject& subject, Chart& chart);
void check_clock(const Subject& subject, Chart& chart);
/// Files of passwords, tokens and keys: who may read them?
void check_secrets(const Subject& subject, Chart& chart);
/// Certificates of the listeners: do they fit, and when do they end?
void check_certificates(const Subject& subject, Chart& chart);
/// Listeners: is the port free, and what does it mean on a network?
void check_listeners(const Subject& subject, Chart& chart);
/// Sinks: can each be reached, and does its clock agree with ours?
void check_sinks(const Subject& subject, Chart& chart);

/// Reads the settings. Null when they are wrong: each problem is then a finding.
[[nodiscard]] std::optional<Settings> check_settings(const ConfigFiles& files, Chart& chart);

}  // namespace penstock::app::doctor
