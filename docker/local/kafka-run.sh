#!/bin/bash
# Writes the broker's settings from the environment, formats an empty data directory, becomes the broker.
# As in apache/kafka: KAFKA_A_B is the setting a.b (`__` an underscore, `___` a dash); CLUSTER_ID; KAFKA_HEAP_OPTS. Without settings
# it is one node, broker and controller, reachable as localhost:9092.
set -euo pipefail

: "${CLUSTER_ID:=5L6g3nShT-eMCtK--X86sw}"
: "${KAFKA_HEAP_OPTS:=-Xms256m -Xmx512m}"
: "${KAFKA_NODE_ID:=1}" "${KAFKA_PROCESS_ROLES:=broker,controller}"
: "${KAFKA_LISTENERS:=PLAINTEXT://:9092,CONTROLLER://:9093}" "${KAFKA_ADVERTISED_LISTENERS:=PLAINTEXT://localhost:9092}"
: "${KAFKA_CONTROLLER_LISTENER_NAMES:=CONTROLLER}"
: "${KAFKA_LISTENER_SECURITY_PROTOCOL_MAP:=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL}"
: "${KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR:=1}" "${KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR:=1}" "${KAFKA_TRANSACTION_STATE_LOG_MIN_ISR:=1}"
: "${KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS:=0}" "${KAFKA_LOG_DIRS:=/var/lib/kafka/data}"
standalone=
if [ -z "${KAFKA_CONTROLLER_QUORUM_VOTERS:-}" ]; then
  : "${KAFKA_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS:=localhost:9093}"
  standalone=--standalone
fi

config=${KAFKA_CONFIG_FILE:-/tmp/server.properties}
: >"$config"
for name in ${!KAFKA_@}; do
  case $name in KAFKA_HEAP_OPTS | KAFKA_OPTS | KAFKA_CONFIG_FILE) continue ;; esac
  setting=${name#KAFKA_}
  setting=${setting//___/-}
  setting=${setting//__/$'\1'}
  setting=${setting//_/.}
  setting=${setting//$'\1'/_}
  printf '%s=%s\n' "${setting,,}" "${!name}" >>"$config"
done

jvm=(java "-Dlog4j2.configurationFile=/opt/kafka/config/log4j2.properties" -cp '/opt/kafka/libs/*')
[ -e "${KAFKA_LOG_DIRS%%,*}/meta.properties" ] ||
  "${jvm[0]}" -Xmx128m -XX:TieredStopAtLevel=1 "${jvm[@]:1}" kafka.tools.StorageTool format --cluster-id "$CLUSTER_ID" $standalone -c "$config"
# shellcheck disable=SC2086
exec "${jvm[0]}" $KAFKA_HEAP_OPTS ${KAFKA_OPTS:-} "${jvm[@]:1}" kafka.Kafka "$config"
