#!/usr/bin/env bash
# Telegraf 1.37.2 (MIT), built from the Go module with the few plugins that the comparisons use: some 5 CPU minutes once.
# `fetch` prints the binary. CONFIG is a file for it: `start DIR CONFIG` | `stop DIR` | `kill DIR`
source "$(dirname "${BASH_SOURCE[0]}")/../../tests/servers/common.bash"
v=v1.37.2
bin="$cache/telegraf-$v/telegraf"
plugins=custom,inputs.mqtt_consumer,outputs.kafka,outputs.influxdb,outputs.file,parsers.json_v2,parsers.json,serializers.json,serializers.influx

fetch() {
  [[ -x $bin ]] && return
  local t; t=$(mktemp -d "$cache/telegraf.XXXXXX")
  # `go install` asks for the newest version too, which the registry may not serve; a module of our own needs this one only.
  printf 'module penstock.test/telegraf\ngo 1.25\nrequire github.com/influxdata/telegraf %s\n' "$v" >"$t/go.mod"
  (cd "$t" && CGO_ENABLED=0 GOMODCACHE="$t/mod" GOFLAGS="-mod=mod -modcacherw" go build -trimpath -ldflags='-s -w' \
    -tags "$plugins" -o telegraf github.com/influxdata/telegraf/cmd/telegraf) >&2
  rm -rf "$t/mod"
  mv -T "$t" "$(dirname "$bin")" 2>/dev/null || rm -rf "$t"
}

case "${1:-}" in
fetch) fetch; echo "$bin" ;;
start)
  dir=$(realpath -m "$2"); mkdir -p "$dir"; fetch
  launch "$dir" telegraf "$bin" --config "$3" --quiet
  echo "pid=$(<"$dir/telegraf.pid")"
  ;;
stop) halt "$2" telegraf TERM ;;
kill) halt "$2" telegraf KILL ;;
*) die "usage: $0 fetch | start DIR CONFIG | stop DIR | kill DIR" ;;
esac
