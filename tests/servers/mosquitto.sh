#!/usr/bin/env bash
# Eclipse Mosquitto (Debian's mosquitto, EPL 2.0). PORT plain, +1 TLS, +2 TLS with a client certificate demanded, +3 plain for
# QoS 0 only.
# Users: penstock/penstock-secret, who may not write below `closed/`, and admin/admin-secret; nobody comes in without.
# DIR/passwd.closed lets admin in only: copied over DIR/passwd and followed by SIGHUP it takes effect.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
bin=/usr/sbin/mosquitto

fetch() { [[ -x $bin ]] || die "no $bin: install Debian's mosquitto"; }

case "${1:-}" in
fetch) fetch ;;
start)
  dir=$(realpath -m "$2") port=$3; mkdir -p "$dir"; fetch; make_tls
  if [[ ! -s $dir/passwd.open ]]; then
    echo "admin:admin-secret" >"$dir/passwd.closed"
    printf '%s\n' "admin:admin-secret" "penstock:penstock-secret" >"$dir/passwd.new"
    mosquitto_passwd -U "$dir/passwd.closed"
    mosquitto_passwd -U "$dir/passwd.new"
    mv "$dir/passwd.new" "$dir/passwd.open"
  fi
  cp "$dir/passwd.open" "$dir/passwd"
  printf '%s\n' "user admin" "topic readwrite #" "user penstock" "topic deny closed/#" "topic readwrite #" >"$dir/acl"
  chmod 600 "$dir"/passwd* "$dir/acl"
  tls_listener() {
    printf '%s\n' "listener $1 127.0.0.1" "cafile $tls/ca.pem" "certfile $tls/server.pem" "keyfile $tls/server.key" \
      "require_certificate $2"
  }
  cat >"$dir/mosquitto.conf" <<CONF
per_listener_settings false
user $(id -un)
allow_anonymous false
password_file $dir/passwd
acl_file $dir/acl
persistence false
max_queued_messages 100000
# A larger payload is refused by its PUBACK, a larger packet must not be sent at all.
message_size_limit 15000
max_packet_size 30000
listener $port 127.0.0.1
$(tls_listener $((port + 1)) false)
$(tls_listener $((port + 2)) true)
listener $((port + 3)) 127.0.0.1
max_qos 0
CONF
  launch "$dir" mosquitto "$bin" -c "$dir/mosquitto.conf"
  wait_port "$dir" mosquitto "$((port + 3))" 20
  echo "pid=$(<"$dir/mosquitto.pid")"
  echo "endpoint=127.0.0.1:$port"
  echo "tls_endpoint=127.0.0.1:$((port + 1))"
  echo "mutual_endpoint=127.0.0.1:$((port + 2))"
  echo "qos0_endpoint=127.0.0.1:$((port + 3))"
  echo "ca=$tls/ca.pem"
  echo "certificate=$tls/client.pem"
  echo "key=$tls/client.key"
  ;;
stop) halt "$2" mosquitto TERM ;;
kill) halt "$2" mosquitto KILL ;;
*) die "usage: $0 fetch | start DIR PORT | stop DIR | kill DIR" ;;
esac
