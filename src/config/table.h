#pragma once

#include "config/document.h"
#include "config/problem.h"
#include "config/secret.h"
#include "config/shape.h"

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// The tables behind field.h with the types of their members forgotten: one reader, one printer for
/// all.
namespace penstock::config {

/// What a read has at hand. `path` names the value being read ("journal.segment_size").
/// Threads: one.
struct Context {
    Problems& problems;
    std::shared_ptr<const Document> document;
    const Environment& environment;
    std::string path;

    /// `'<path>' <message>` at the node.
    void error(const Node& node, std::string_view message) const;
    /// `'<path>' <message>, not '<the scalar>'` at the node.
    void wrong(const Node& node, std::string_view message) const;
};

/// Appends to the path of a context for as long as it lives.
/// Threads: as the context.
class PathStep {
public:
    PathStep(Context& context, std::string_view step)
        : context_(context), length_(context.path.size()) {
        if (!context.path.empty() && !step.starts_with('[')) context.path += '.';
        context.path += step;
    }
    ~PathStep() { context_.path.resize(length_); }
    PathStep(const PathStep&) = delete;
    PathStep& operator=(const PathStep&) = delete;

private:
    Context& context_;
    std::size_t length_;
};

struct TableBase;

/// The tables below a value, for the reference: none, one, or one per kind.
struct Below {
    struct Keys {
        std::string kind;  // the value of `type:`, or ""
        std::string help;  // of the kind
        std::vector<std::pair<const TableBase*, const void*>>
            tables;  // with the object of defaults
    };
    std::string suffix;  // what stands between the path of the value and a key: "", "[]", ".<name>"
    std::vector<Keys> choices;
    bool present = true;  // false: an optional that is not there by default
};

/// A field with its types forgotten.
struct FieldBase {
    std::string key;
    std::string help;
    Shape shape;                     // what it takes
    std::vector<std::string> notes;  // the rules in words: "be between 1MiB and 4GiB"
    bool required = false;
    bool needs_restart = false;  // it, and what is below it, is not changed by a reload
    std::function<void(const NodePtr&, void* table, Context&)> read;
    std::function<std::string(const void* table)> print;  // the value as YAML, "" for tables
    std::function<Below(const void* table)> below;
    const TableBase* merged = nullptr;  // keys_of: another table in place of a key
    std::function<void*(void* table)> merged_object;
};

/// A line of the table of T. Lines of a base class of T fit too.
template <class T>
struct Field : FieldBase {
    Field() = default;
    template <class B>
        requires(std::is_base_of_v<B, T> && !std::same_as<B, T>)
    // &Derived::member of a base has the type of the base.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Field(Field<B> other) : FieldBase(std::move(other)) {
        const auto up = [](void* table) -> void* {
            return static_cast<B*>(static_cast<T*>(table));
        };
        const auto up_const = [](const void* table) -> const void* {
            return table ? static_cast<const B*>(static_cast<const T*>(table)) : nullptr;
        };
        if (read) {
            read = [inner = std::move(read), up](const NodePtr& n, void* t, Context& c) {
                inner(n, up(t), c);
            };
        }
        if (print) {
            print = [inner = std::move(print), up_const](const void* t) {
                return inner(up_const(t));
            };
        }
        if (below) {
            below = [inner = std::move(below), up_const](const void* t) {
                return inner(up_const(t));
            };
        }
        if (merged_object) {
            merged_object = [inner = std::move(merged_object), up](void* t) {
                return inner(up(t));
            };
        }
    }
};

/// A table with its type forgotten.
struct TableBase {
    std::vector<FieldBase> fields;
    std::function<void(const void* table, const Origin&, Problems&)> check;  // may be empty
    std::function<void(void* table, Origin)> set_origin;                     // may be empty
    std::shared_ptr<const void> defaults;                                    // a T as made
};

/// The lines of T.
template <class T>
struct Table : TableBase {
    Table() = default;
    Table(std::initializer_list<Field<T>> lines) {
        for (const Field<T>& line : lines)
            fields.push_back(line);
    }
    /// Appends the lines of another table of T or of a base of T.
    template <class B>
    Table& add(const Table<B>& other) {
        for (const FieldBase& line : other.fields) {
            Field<B> typed;
            static_cast<FieldBase&>(typed) = line;
            fields.push_back(Field<T>(std::move(typed)));
        }
        return *this;
    }
};

/// Specialised by each part for each of its settings structs:
/// `static Table<T> table();` and, if wanted, `static void check(const T&, const Origin&,
/// Problems&);`.
template <class T>
struct Fields;

template <class T>
concept IsTable = requires {
    { Fields<T>::table() } -> std::convertible_to<Table<T>>;
};

/// The table of T, made at the first use.
template <class T>
const TableBase& table_of() {
    static const TableBase made = [] {
        TableBase table = Fields<T>::table();
        if constexpr (requires(const T& t, const Origin& o, Problems& p) {
                          Fields<T>::check(t, o, p);
                      }) {
            table.check = [](const void* t, const Origin& o, Problems& p) {
                Fields<T>::check(*static_cast<const T*>(t), o, p);
            };
        }
        if constexpr (requires(T& t) {
                          { t.origin } -> std::same_as<Origin&>;
                      }) {
            table.set_origin = [](void* t, Origin o) { static_cast<T*>(t)->origin = std::move(o); };
        }
        table.defaults = std::make_shared<const T>();
        return table;
    }();
    return made;
}

/// Specialised by the part that owns a family of tables chosen by `type:`: `static KindList<Base>
/// list();`.
template <class Base>
struct Kinds;

/// Tables that read one object: a kind's own keys and those of its base.
using TableParts = std::vector<std::pair<const TableBase*, void*>>;

/// Reads a map into an object. Unknown keys (but `tag`), missing ones and wrong values become
/// problems; checks run when there were none. A null node leaves the defaults.
void read_table(
    const NodePtr& node, const TableParts& parts, Context& context, std::string_view tag = {}
);

/// The texts of settings files, or a problem with line 0 for each that cannot be read.
[[nodiscard]] std::optional<std::vector<Source>> read_settings_files(
    const std::vector<std::filesystem::path>& paths, Problems& problems
);

}  // namespace penstock::config
