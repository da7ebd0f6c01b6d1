#!/usr/bin/env bash
# Local Spark Connect servers, for trying things and for the tests: start | stop | install.
#
# PySpark (which brings the server) goes to .spark/venv; `local` runs two threads in one process,
# `cluster` a driver and two executor processes, as a real cluster does. Addresses lie in .spark/*.url.
set -euo pipefail
cd "$(dirname "$0")/.."
version=4.3.0
root=$PWD/.spark
venv=${SPARK_VENV:-$root/venv}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
    mkdir -p "$root"
    if ! command -v java >/dev/null; then
        as_root apt-get update -qq && as_root apt-get install -y -qq openjdk-17-jre-headless >/dev/null ||
            { echo "missing: Java 17; install it with your package manager" >&2; exit 1; }
    fi
    if ! "$venv/bin/python" -c "import pyspark, sys; sys.exit(pyspark.__version__ != '$version')" 2>/dev/null; then
        python3 -m venv "$venv" 2>/dev/null ||
            { as_root apt-get install -y -qq python3-venv >/dev/null && python3 -m venv "$venv"; }
        echo "installing PySpark $version"
        "$venv/bin/pip" install -q --disable-pip-version-check "pyspark==$version"
    fi
}

launch() {
    local name=$1 master=$2 port=$3
    shift 3
    local home
    home=$("$venv/bin/python" -c 'import pyspark, os; print(os.path.dirname(pyspark.__file__))')
    mkdir -p "$root/$name"
    # The working folders of executors lie below, and nothing listens beyond this machine.
    (
        cd "$root/$name"
        export SPARK_LOCAL_IP=127.0.0.1 SPARK_HOME=$home SPARK_WORKER_DIR=$root/$name/work
        # A session of its own, so that `stop` ends the executors too.
        setsid "$home/bin/spark-submit" --master "$master" --name skein \
            --class org.apache.spark.sql.connect.service.SparkConnectServer \
            --conf spark.connect.grpc.binding.address=127.0.0.1 \
            --conf spark.connect.grpc.binding.port="$port" --conf spark.ui.enabled=false \
            --conf spark.sql.shuffle.partitions=2 \
            --conf spark.sql.catalogImplementation=in-memory \
            --conf spark.sql.warehouse.dir="$root/$name/warehouse" --conf spark.log.level=WARN \
            "$@" spark-internal >"$root/$name.log" 2>&1 &
        echo $! >"$root/$name.pid"
    )
}

start() {
    local name=$1 master=$2 port=$3
    shift 3
    if ! { [ -f "$root/$name.pid" ] && kill -0 "$(cat "$root/$name.pid")" 2>/dev/null; }; then
        launch "$name" "$master" "$port" "$@"
    fi
    for _ in $(seq 240); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "sc://127.0.0.1:$port" >"$root/$name.url"
            echo "$name: sc://127.0.0.1:$port"
            return
        fi
        kill -0 "$(cat "$root/$name.pid")" 2>/dev/null || break
        sleep 0.5
    done
    echo "the Spark server $name did not start; its last lines:" >&2
    tail -20 "$root/$name.log" >&2
    exit 1
}

stop() {
    for name in local cluster; do
        if [ -f "$root/$name.pid" ]; then kill -- -"$(cat "$root/$name.pid")" 2>/dev/null || true; fi
        rm -f "$root/$name.pid" "$root/$name.url"
    done
}

case ${1:-start} in
install) install ;;
start)
    install
    start local 'local[2]' 15702 --conf spark.driver.memory=1g
    start cluster 'local-cluster[2,1,1024]' 15703 --conf spark.driver.memory=1g \
        --conf spark.executor.memory=768m
    ;;
stop) stop ;;
*)
    echo "usage: $0 install | start | stop" >&2
    exit 64
    ;;
esac
