#!/usr/bin/env bash
# PostgreSQL of the distribution (the newest below /usr/lib/postgresql), TLS offered, SCRAM passwords. PORT.
# Database penstock; users penstock/penstock-secret and admin/admin-secret (superuser). The server refuses root: it runs as user
# postgres when called by root. fsync is off, which loses nothing when the process ends: POSTGRES_FSYNC=on for a power cut.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)

fetch() { [[ -x $bin/postgres ]] || die "no $bin/postgres: install Debian's postgresql"; }

init() {
  mkdir "$dir/data" "$dir/sock"; cp "$tls/server.pem" "$tls/server.key" "$dir/"; echo admin-secret >"$dir/password"
  chmod 600 "$dir/server.key"
  ((EUID != 0)) || chown postgres "$dir/data" "$dir/sock" "$dir"/server.* "$dir/password"
  (cd "$dir" && "${as[@]}" "$bin/initdb" -D "$dir/data" -U admin --pwfile="$dir/password" --auth=scram-sha-256 -E UTF8 \
    --locale=C.UTF-8 -N) >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; die "initdb failed"; }
}

case "${1:-}" in
fetch) fetch ;;
start)
  dir=$(realpath -m "$2") port=$3; mkdir -p "$dir"; fetch; make_tls
  as=(); ((EUID != 0)) || as=(setpriv --reuid=postgres --regid=postgres --init-groups)
  chmod 755 "$dir"
  "${as[@]}" test -x "$dir" || die "user postgres cannot reach $dir: the folders above it need mode 755"
  fresh=; [[ -d $dir/data ]] || { init; fresh=1; }
  cd "$dir"
  launch "$dir" postgres "${as[@]}" "$bin/postgres" -D "$dir/data" -c listen_addresses=127.0.0.1 -c port="$port" \
    -c unix_socket_directories="$dir/sock" -c fsync="${POSTGRES_FSYNC:-off}" -c ssl=on -c ssl_cert_file="$dir/server.pem" \
    -c ssl_key_file="$dir/server.key" -c max_connections=30 -c shared_buffers=32MB
  export PGPASSWORD=admin-secret PGHOST=127.0.0.1 PGPORT=$port PGUSER=admin
  for ((i = 0; i < 600; i++)); do "$bin/pg_isready" -q && break; sleep 0.05; done
  "$bin/pg_isready" -q || { tail "$dir/postgres.log" >&2; die "postgres not ready"; }
  [[ ! $fresh ]] || "$bin/psql" -qX -d postgres -c "CREATE ROLE penstock LOGIN PASSWORD 'penstock-secret'" \
    -c 'CREATE DATABASE penstock OWNER penstock' >&2
  echo "pid=$(<"$dir/postgres.pid")"
  echo "endpoint=127.0.0.1:$port"
  echo "database=penstock"
  echo "ca=$tls/ca.pem"
  ;;
stop) halt "$2" postgres INT ;;
kill) halt "$2" postgres QUIT ;;  # as after a crash: no checkpoint; SIGKILL would leave children holding the shared memory
*) die "usage: $0 fetch | start DIR PORT | stop DIR | kill DIR" ;;
esac
