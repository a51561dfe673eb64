#!/usr/bin/env bash
# A container engine for a machine that has none: docker/engine.sh start | stop | status
#
# start   leaves an engine that answers already alone; otherwise installs Debian's docker.io and docker-compose where
#         they are missing (as root), starts dockerd by hand (no systemd needed) and waits until it answers.
# stop    ends the dockerd that start began, and no other.
# status  prints one line; exit 0 when an engine answers.
#
# Exit 0: an engine answers. Exit 1: none can be had, with one sentence that says why.
# Published ports listen on 127.0.0.1 unless a container asks for something else (testcontainers does not ask).
set -u

run_dir=${STRANDLINE_ENGINE_DIR:-/var/run/strandline-engine}
socket=/var/run/docker.sock
pid_file=$run_dir/dockerd.pid
log=$run_dir/dockerd.log

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
answers() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }
ours() { [ -s "$pid_file" ] && [ "$(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null)" = dockerd ]; }

install_engine() {
  command -v dockerd >/dev/null && command -v docker-compose >/dev/null && return 0
  command -v apt-get >/dev/null || fail 'There is no container engine, and no apt-get to install one: install Docker, then run this again.'
  [ "$(id -u)" = 0 ] || fail 'There is no container engine, and only root can install one: install docker.io and docker-compose, then run this again.'
  say 'Installing docker.io and docker-compose (Debian) …'
  mkdir -p "$run_dir"
  {
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends docker.io docker-compose iptables
  } >"$run_dir/apt.log" 2>&1 || fail "docker.io could not be installed: $(grep -m1 '^E:' "$run_dir/apt.log" || tail -n1 "$run_dir/apt.log")"
}

# Some virtual machines and containers boot without control groups; runc needs them.
mount_cgroups() {
  grep -qE ' /sys/fs/cgroup(/[^ ]*)? cgroup' /proc/mounts && return 0
  mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null
}

# Starts dockerd with the given extra options; 0 once it answers, 1 when it ended or stayed silent for 40 s.
try() {
  : >"$log"
  setsid nohup dockerd -H "unix://$socket" --ip 127.0.0.1 --log-level warn "$@" >>"$log" 2>&1 </dev/null &
  local pid=$!
  for _ in $(seq 200); do
    if answers; then echo "$pid" >"$pid_file"; return 0; fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.2
  done
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  return 1
}

start() {
  if answers; then say "An engine answers already ($(docker info -f '{{.ServerVersion}}, {{.Driver}}' 2>/dev/null))."; return 0; fi
  [ -z "${DOCKER_HOST:-}" ] || fail "DOCKER_HOST is $DOCKER_HOST, but no engine answers there: start that one, or unset DOCKER_HOST."
  install_engine
  answers && return 0
  [ "$(id -u)" = 0 ] || fail 'dockerd is installed but does not run, and only root can start it: start Docker, then run this again.'
  mkdir -p "$run_dir"
  mount_cgroups
  # From what suits best to what works nearly everywhere: without overlayfs copies are slow; without iptables containers reach
  # each other and their published ports, but nothing outside.
  local options
  for options in '' '--storage-driver=vfs' '--iptables=false --ip-masq=false' '--storage-driver=vfs --iptables=false --ip-masq=false'; do
    # shellcheck disable=SC2086
    if try $options; then
      say "Started an engine ($(docker info -f '{{.ServerVersion}}, {{.Driver}}, cgroup v{{.CgroupVersion}}')${options:+, $options}); its log: $log"
      return 0
    fi
  done
  fail "dockerd does not start here: $(tail -n1 "$log") (log: $log)"
}

stop() {
  ours || { say 'No engine that this script started is running.'; rm -f "$pid_file"; return 0; }
  local pid
  pid=$(cat "$pid_file")
  kill "$pid"
  for _ in $(seq 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
  kill -0 "$pid" 2>/dev/null && fail "dockerd (pid $pid) does not end; its log: $log"
  rm -f "$pid_file"
  say 'Stopped the engine.'
}

status() {
  if answers; then
    say "An engine answers: $(docker info -f '{{.ServerVersion}}, {{.Driver}}, {{.ContainersRunning}} containers running'), $(ours && echo "pid $(cat "$pid_file")" || echo 'not started by this script')."
  else
    say 'No container engine answers.'
    return 1
  fi
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  status) status ;;
  *) say 'Usage: docker/engine.sh start | stop | status'; exit 2 ;;
esac
