#!/usr/bin/env bash
# Builds, from what this machine and Debian's mirror have, images that stand in for those that cannot be pulled:
#
#   docker/local-images.sh [debian] [node] [postgres] [kafka] [prometheus] [services] [supabase]       (no name: all)
#
#   strandline-local/debian    a small Debian, base of the others
#   strandline-local/node      Node as pinned in package-lock.json, for node:*-bookworm-slim
#   strandline-local/postgres  Debian's PostgreSQL, for postgres:*
#   strandline-local/kafka     the jars of embedded/kafka-jars.lock.json, for apache/kafka (and Redpanda's Kafka API)
#   strandline-local/prometheus  Debian's, for prom/prometheus
#   strandline-local/services  our own Dockerfile on strandline-local/node: the services
#   strandline-local/supabase  … and @supabase/lite
#
# An image whose inputs have not changed since it was built is left as it is. docker/engine.sh start comes first.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
docker info >/dev/null 2>&1 || fail 'No container engine answers: run docker/engine.sh start first.'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
label=strandline.inputs

digest() { cat "$@" | sha256sum | cut -c1-24; }
id_of() { docker image inspect -f '{{.Id}}' "$1" 2>/dev/null || true; }
is_current() { [ "$(docker image inspect -f "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null)" = "$2" ]; }

# build <image> <inputs digest> <context folder> [docker build option …]
# The network of the host: it works in every mode that docker/engine.sh falls back to. The classic builder: Debian ships no buildx.
build() {
  local image=$1 inputs=$2 context=$3 started=$SECONDS
  shift 3
  DOCKER_BUILDKIT=0 docker build --force-rm --network host --label "$label=$inputs" -t "$image" "$@" "$context" >"$work/build.log" 2>&1 ||
    { tail -n 25 "$work/build.log" >&2; fail "$image could not be built."; }
  # What this one replaces; the stages before it stay, as the builder's cache.
  docker image prune --force --filter "label=$label" >/dev/null
  say "$image: built in $((SECONDS - started)) s, $(docker image inspect -f '{{.Size}}' "$image" | awk '{printf "%.0f MB", $1 / 1e6}')."
}

debian() {
  local image=strandline-local/debian suite started=$SECONDS
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  is_current $image "$suite-1" && return 0
  command -v mmdebstrap >/dev/null || {
    command -v apt-get >/dev/null || fail "$image needs a Debian machine with mmdebstrap."
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends mmdebstrap; } >"$work/apt.log" 2>&1 ||
      fail "mmdebstrap could not be installed: $(grep -m1 '^E:' "$work/apt.log" || tail -n1 "$work/apt.log")"
  }
  mmdebstrap --quiet --variant=minbase --include=ca-certificates --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" - 2>"$work/build.log" |
    docker import --change "LABEL $label=$suite-1" --change 'CMD ["bash"]' - $image >/dev/null ||
    { tail -n 5 "$work/build.log" >&2; fail "$image could not be built."; }
  say "$image: built in $((SECONDS - started)) s."
}

node() {
  debian
  local image=strandline-local/node binary=node_modules/node/bin/node npm inputs
  [ -x $binary ] || fail 'The pinned Node is not installed: run npm ci first.'
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  inputs=$(digest docker/local/node.Dockerfile $binary "$npm/package.json" /etc/ssl/certs/ca-certificates.crt <(id_of strandline-local/debian))
  is_current $image "$inputs" && return 0
  mkdir "$work/node"
  cp -L $binary /etc/ssl/certs/ca-certificates.crt docker/local/node.Dockerfile "$work/node/"
  cp -rL "$npm" "$work/node/npm"
  build $image "$inputs" "$work/node" -f "$work/node/node.Dockerfile"
}

postgres() {
  debian
  local image=strandline-local/postgres inputs
  inputs=$(digest docker/local/postgres* <(id_of strandline-local/debian))
  is_current $image "$inputs" || build $image "$inputs" docker/local -f docker/local/postgres.Dockerfile
}

prometheus() {
  debian
  local image=strandline-local/prometheus inputs
  inputs=$(digest docker/local/prometheus.Dockerfile <(id_of strandline-local/debian))
  is_current $image "$inputs" || build $image "$inputs" docker/local -f docker/local/prometheus.Dockerfile
}

kafka() {
  debian
  local image=strandline-local/kafka inputs libs
  inputs=$(digest docker/local/kafka* embedded/kafka-jars.lock.json <(id_of strandline-local/debian))
  is_current $image "$inputs" && return 0
  libs=$(node_modules/node/bin/node docker/kafka-libs.ts) || fail 'The Kafka jars could not be had.'
  mkdir -p "$work/kafka/libs"
  cp docker/local/kafka* "$work/kafka/"
  cp $libs "$work/kafka/libs/"
  build $image "$inputs" "$work/kafka" -f "$work/kafka/kafka.Dockerfile"
}

# Names of the files that the Dockerfile copies (about: see .dockerignore), and of those that say how.
program_files() {
  git ls-files -z --cached --others --exclude-standard -- . ':!test' ':!bench' ':!docs' ':!monitoring' ':!docker/local*' ':!*.test.ts' ':!*.md' ':!.ci'
}

# ours <services|supabase>
ours() {
  node
  local image=strandline-local/$1 inputs
  inputs=$({ program_files | sort -zu | { xargs -0 sha256sum || true; }; id_of strandline-local/node; } | digest -)
  is_current "$image" "$inputs" || build "$image" "$inputs" . --target "$1" --build-arg BASE_IMAGE=strandline-local/node
}

[ $# -gt 0 ] || set -- debian node postgres kafka prometheus services supabase
for name; do
  case $name in
    debian | node | postgres | kafka | prometheus) "$name" ;;
    services | supabase) ours "$name" ;;
    *) fail "There is no local image '$name': use debian, node, postgres, kafka, prometheus, services, supabase." ;;
  esac
done
