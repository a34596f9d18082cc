# Shared by the programs of this folder: finds ZooKeeper's jars, runs its classes, asks servers how they are.
set -euo pipefail

zk_root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
zk_runtime=${OTTLA_CACHE:+$OTTLA_CACHE/zookeeper}
zk_runtime=${zk_runtime:-$zk_root/.runtime}
zk_version=3.8.3
# Small heaps and the quick compiler: a member is up within a second and is content with little memory.
zk_jvm_options=${ZK_JVM_OPTS:--Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto}

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

need_java() {
  command -v java >/dev/null || die "no java on the PATH; ZooKeeper needs Java 8 or newer"
}

# Fetches the jars with Maven, once.
install_with_maven() {
  local libs=$zk_runtime/lib-$zk_version
  [ -e "$libs/.complete" ] && return
  mkdir -p "$zk_runtime"
  (
    # Two programs that start at once must not both install.
    if command -v flock >/dev/null; then flock 9; fi
    [ -e "$libs/.complete" ] && exit 0
    echo "fetching ZooKeeper $zk_version with Maven" >&2
    mvn -q -B -f "$zk_root/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libs" >&2 \
      || die "Maven could not fetch ZooKeeper; set ZOOKEEPER_HOME to an unpacked ZooKeeper instead"
    touch "$libs/.complete"
  ) 9>"$zk_runtime/.lock"
}

# Prints the class path: ZOOKEEPER_HOME if set, else Maven's jars, else those of an installed package.
class_path() {
  if [ -n "${ZOOKEEPER_HOME:-}" ]; then
    ls "$ZOOKEEPER_HOME"/lib/zookeeper-*.jar "$ZOOKEEPER_HOME"/zookeeper*.jar >/dev/null 2>&1 \
      || compgen -G "$ZOOKEEPER_HOME/lib/zookeeper*.jar" >/dev/null || compgen -G "$ZOOKEEPER_HOME/zookeeper*.jar" >/dev/null \
      || die "ZOOKEEPER_HOME=$ZOOKEEPER_HOME holds no zookeeper jar"
    echo "$ZOOKEEPER_HOME/lib/*:$ZOOKEEPER_HOME/*"
  elif [ -e "$zk_runtime/lib-$zk_version/.complete" ] || command -v mvn >/dev/null; then
    install_with_maven
    echo "$zk_runtime/lib-$zk_version/*"
  elif [ -e /usr/share/java/zookeeper.jar ]; then
    echo "/usr/share/java/*"
  else
    die "no ZooKeeper: install Maven, or the package zookeeper, or set ZOOKEEPER_HOME"
  fi
}

# A file of log4j's properties: for stderr, or for what -Dzookeeper.log.file names, which is put aside at 10 MB, and of which five are kept.
log_config() { # level, stderr or file
  local file=$zk_runtime/log4j-$1-$2.properties
  local appender=(log4j.appender.out=org.apache.log4j.ConsoleAppender log4j.appender.out.Target=System.err)
  if [ "$2" = file ]; then
    appender=(log4j.appender.out=org.apache.log4j.RollingFileAppender 'log4j.appender.out.File=${zookeeper.log.file}'
      log4j.appender.out.MaxFileSize=10MB log4j.appender.out.MaxBackupIndex=4)
  fi
  mkdir -p "$zk_runtime"
  if [ ! -e "$file" ]; then
    printf '%s\n' "log4j.rootLogger=$1, out" "${appender[@]}" \
      log4j.appender.out.layout=org.apache.log4j.PatternLayout \
      'log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n' >"$file.$$"
    mv -f "$file.$$" "$file"
  fi
  echo "file:$file"
}

# Starts a server in the background on a configuration file; its log goes to a file, what it says besides to one beside it, its pid to a third.
launch_server() { # config, log, pid file
  local config=$1 log=$2 pid_file=$3 classes detach=()
  classes=$(class_path)
  if command -v setsid >/dev/null; then detach=(setsid); fi
  # shellcheck disable=SC2086 # options are words
  "${detach[@]}" nohup java $zk_jvm_options -cp "$classes" -Dlog4j.configuration="$(log_config INFO file)" \
    -Dzookeeper.log.file="$log" -Dzookeeper.admin.enableServer=false \
    org.apache.zookeeper.server.quorum.QuorumPeerMain "$config" >"${log%.log}.out" 2>&1 </dev/null &
  local pid=$! tries=0
  echo "$pid" >"$pid_file"
  # Until the process has become java it has the command line of this script, and passes for somebody else's.
  while kill -0 "$pid" 2>/dev/null && ! is_running "$pid_file" "$config" && [ $tries -lt 500 ]; do
    tries=$((tries + 1))
    sleep 0.01
  done
}

# True when the process of a pid file lives and is ours. One that has ended has no command line, also before its parent has noticed.
is_running() { # pid file, words of its command line
  local pid words
  pid=$(cat "$1" 2>/dev/null) || return 1
  [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 1
  [ -d /proc/self ] || return 0
  words=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || return 1
  [[ $words == *"$2"* ]]
}

# Stops the process of a pid file and waits until it is gone.
stop_running() { # pid file, words of its command line
  is_running "$1" "$2" || { rm -f "$1"; return 0; }
  local pid tries=0
  pid=$(cat "$1")
  # A stopped process acts on nothing but KILL until it goes on.
  kill -CONT "$pid" 2>/dev/null || true
  kill -TERM "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null && is_running "$1" "$2"; do
    tries=$((tries + 1))
    [ $tries -ne 100 ] || kill -KILL "$pid" 2>/dev/null || true
    [ $tries -lt 200 ] || die "process $pid does not end"
    sleep 0.05
  done
  rm -f "$1"
}

# Asks a server with a four-letter word. Prints nothing when it does not answer.
four_letter_word() { # host, port, word
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf %s "$2" >&3 && cat <&3' "$1" "$2" "$3" 2>/dev/null || true
}

# leader, follower or standalone; nothing when it does not serve.
mode_of() { # host, port
  four_letter_word "$1" "$2" srvr | sed -n 's/^Mode: //p'
}

run_shell() { # host:port,…, arguments of zkCli
  local server=$1 classes
  shift
  need_java
  classes=$(class_path)
  # shellcheck disable=SC2086
  exec java $zk_jvm_options -cp "$classes" -Dlog4j.configuration="$(log_config WARN stderr)" \
    org.apache.zookeeper.ZooKeeperMain -server "$server" "$@"
}
