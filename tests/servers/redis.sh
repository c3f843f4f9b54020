#!/usr/bin/env bash
# Redis (Debian's redis-server, BSD licence). PORT plain, +1 TLS. Every write is on disk before it is answered, but with
# REDIS_FSYNC=everysec.
# Users: penstock/penstock-secret, admin/admin-secret; nobody comes in without. The default user is not off: Redis 7.0 would
# then drop every transaction when it loads its append-only file.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
bin=/usr/bin/redis-server

fetch() { [[ -x $bin ]] || die "no $bin: install Debian's redis-server"; }

case "${1:-}" in
fetch) fetch ;;
start)
  dir=$(realpath -m "$2") port=$3; mkdir -p "$dir"; fetch; make_tls
  cat >"$dir/redis.conf" <<CONF
bind 127.0.0.1
port $port
tls-port $((port + 1))
tls-cert-file $tls/server.pem
tls-key-file $tls/server.key
tls-ca-cert-file $tls/ca.pem
tls-auth-clients no
dir $dir
save ""
appendonly yes
appendfsync ${REDIS_FSYNC:-always}
user default on >default-secret ~* &* +@all
user penstock on >penstock-secret ~* &* +@all
user admin on >admin-secret ~* &* +@all
CONF
  launch "$dir" redis "$bin" "$dir/redis.conf"
  wait_port "$dir" redis "$port" 20
  echo "pid=$(<"$dir/redis.pid")"
  echo "endpoint=127.0.0.1:$port"
  echo "tls_endpoint=127.0.0.1:$((port + 1))"
  echo "ca=$tls/ca.pem"
  ;;
stop) halt "$2" redis TERM ;;
kill) halt "$2" redis KILL ;;
*) die "usage: $0 fetch | start DIR PORT | stop DIR | kill DIR" ;;
esac
