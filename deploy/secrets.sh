#!/usr/bin/env bash
# Makes the secrets of docker-compose.yml in deploy/secrets, each once; what is there stays.
# The folder is for its owner only; the files in it can be read by all, for a container sees each file, not the folder,
# and reads it under a user of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets
chmod 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# put NAME: writes standard input to a new file, whole or not at all
put() {
  if [[ -e secrets/$1 ]]; then cat >/dev/null; return; fi
  cat >"secrets/$1.new"
  chmod 444 "secrets/$1.new"
  mv -n "secrets/$1.new" "secrets/$1"
  echo "secrets/$1"
}

random | put admin_token              # Prometheus, and whoever asks the admin listener
random | put fleet_token              # devices: user fleet, over MQTT and HTTP
random | put grafana_admin_password   # user admin
random | put s3_secret_key
printf 'ROOT_ACCESS_KEY=penstock\nROOT_SECRET_KEY=%s\n' "$(<secrets/s3_secret_key)" | put s3.env
