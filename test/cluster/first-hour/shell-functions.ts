/** What the lines of the hour have besides the commands themselves. `$HOUR` is the folder of the hour, `$B` names a broker of the cluster. */
export const SHELL_FUNCTIONS = `
set -u
B='--bootstrap-server localhost:9092'
DATA=.cache/cluster

# COMMAND… : waits, at most a minute, until the command succeeds.
until_so() {
  local tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "never: $*" >&2; return 1; }
    sleep 0.1
  done
}

# SIGNAL CONDITION COMMAND… : runs the command, and sends it the signal once the condition holds, a shell's.
told() {
  local signal=$1 condition=$2
  shift 2
  set -m
  "$@" &
  set +m
  until_so eval "$condition"
  kill -"$signal" $!
  wait $!
}

# The brokers and members that run, a line each.
servers() {
  local process line
  for process in /proc/[0-9]*; do
    line=$(tr '\\0' ' ' 2>/dev/null <"$process/cmdline") || continue
    case $line in *'bash -c'*) ;; *'server start '* | *QuorumPeerMain*) echo "\${process#/proc/} $line" ;; esac
  done
}
# What lies in /tmp: not the way to this checkout, nor what Java keeps there of those that were killed.
in_tmp() {
  local own=\${CHECKOUT#/tmp/}
  ls -A /tmp | grep -v -x -F -e "\${own%%/*}" | grep -v hsperfdata || true
}
nothing_in_tmp() { [ -z "$(in_tmp)" ]; }
nothing_runs() { [ -z "$(servers)" ]; }
kill_servers() {
  servers | while read -r pid _; do kill -9 "$pid"; done
  until_so nothing_runs
}

# COMMAND… : with the programs that our scripts need, and no Java.
without_java() {
  local name
  mkdir -p "$HOUR/bin"
  for name in sh bash dirname readlink basename node cat env; do ln -sf "$(command -v $name)" "$HOUR/bin/$name"; done
  PATH=$HOUR/bin "$@"
}

# PORT WHAT : a server that is no broker: web answers as HTTP does, silent not at all. Until \`end PORT\`.
serve() {
  node -e '
    const server = process.argv[2] === "web"
      ? require("http").createServer((request, response) => response.end("hello"))
      : require("net").createServer((socket) => socket.on("error", () => socket.destroy()));
    server.listen(process.argv[1], "127.0.0.1");
  ' "$1" "$2" >/dev/null 2>&1 &
  echo $! >"$HOUR/$1.pid"
  until_so eval "exec 3<>/dev/tcp/127.0.0.1/$1"
}
end() { kill "$(cat "$HOUR/$1.pid")" && rm "$HOUR/$1.pid"; }

# FILE LINE… : properties of a broker of its own, not of the cluster, unless a line says otherwise.
properties() {
  local file=$HOUR/$1
  shift
  printf '%s\\n' broker.id=7 listeners=PLAINTEXT://localhost:9299 "log.dirs=$HOUR/data-7" \\
    zookeeper.connect=localhost:9192/alone zookeeper.connection.timeout.ms=2000 "$@" >"$file"
}

# What the brokers have logged, and how many lines that is.
logs() { cat "$DATA"/logs-*/server.log "$DATA"/logs-*/controller.log; }
log_lines() { logs | wc -l; }
`;
