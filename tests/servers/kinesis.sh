#!/usr/bin/env bash
# The APIs of Kinesis and DynamoDB in memory: moto (Apache-2.0, PyPI), which checks SigV4 once its key is made. PORT is http.
# KINESIS_STREAM=name makes a stream of KINESIS_SHARDS (2) shards at start. An end loses everything.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
moto=5.2.5
lib="$cache/moto-$moto"

fetch() {
  [[ ! -d $lib ]] || return 0
  rm -rf "$lib.tmp"
  python3 -m pip install -q --target "$lib.tmp" "moto[server]==$moto" >&2
  mv -T "$lib.tmp" "$lib"
}

aws() {  # SERVICE CURL-ARGS...: one signed call
  curl -fsS --aws-sigv4 "aws:amz:us-east-1:$1" --user "$access:$secret" "${@:2}" "$endpoint/"
}

# The first three calls are not checked; afterwards only the key made here works.
make_key() {
  access=any secret=any
  aws iam -d Version=2010-05-08 -d Action=CreateUser -d UserName=penstock >/dev/null
  aws iam -d Version=2010-05-08 -d Action=PutUserPolicy -d UserName=penstock -d PolicyName=all --data-urlencode \
    'PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}' >/dev/null
  local key; key=$(aws iam -d Version=2010-05-08 -d Action=CreateAccessKey -d UserName=penstock)
  access=$(grep -oP '(?<=<AccessKeyId>)[^<]+' <<<"$key")
  secret=$(grep -oP '(?<=<SecretAccessKey>)[^<]+' <<<"$key" | sed 's/&amp;/\&/g')
}

case "${1:-}" in
fetch) fetch ;;
start)
  dir=$(realpath -m "$2") port=$3; mkdir -p "$dir"; fetch
  endpoint="http://127.0.0.1:$port"
  PYTHONPATH="$lib" INITIAL_NO_AUTH_ACTION_COUNT=3 launch "$dir" kinesis python3 -m moto.server -H 127.0.0.1 -p "$port"
  wait_http "$dir" kinesis 60 "$endpoint/moto-api/"
  make_key
  [[ ! ${KINESIS_STREAM:-} ]] || aws kinesis -H 'Content-Type: application/x-amz-json-1.1' \
    -H 'X-Amz-Target: Kinesis_20131202.CreateStream' -d "{\"StreamName\":\"$KINESIS_STREAM\",\"ShardCount\":${KINESIS_SHARDS:-2}}" >&2
  echo "pid=$(<"$dir/kinesis.pid")"
  echo "endpoint=$endpoint"
  echo "access_key=$access"
  echo "secret_key=$secret"
  ;;
stop) halt "$2" kinesis TERM ;;
kill) halt "$2" kinesis KILL ;;
*) die "usage: $0 fetch | start DIR PORT | stop DIR | kill DIR" ;;
esac
