# Stands in for apache/kafka where it cannot be pulled: the jars of embedded/kafka-jars.lock.json on Debian's Java, behind the same
# environment variables (KAFKA_*), data directory, port, user and start script (/etc/kafka/docker/run).
FROM strandline-local/debian
RUN mkdir -p /usr/share/man/man1 && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends openjdk-17-jre-headless \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
  && groupadd --gid 1000 appuser && useradd --uid 1000 --gid appuser --home-dir /home/appuser --create-home appuser \
  && install -d -o appuser -g appuser /var/lib/kafka/data /opt/kafka/config /opt/kafka/logs
COPY libs /opt/kafka/libs
COPY kafka-run.sh /etc/kafka/docker/run
COPY kafka-log4j2.properties /opt/kafka/config/log4j2.properties
COPY kafka-tool.sh /opt/kafka/bin/kafka-topics.sh
RUN cd /opt/kafka/bin && ln -s kafka-topics.sh kafka-consumer-groups.sh && ln -s kafka-topics.sh kafka-configs.sh
ENV PATH=/opt/kafka/bin:$PATH
USER appuser
VOLUME /var/lib/kafka/data
EXPOSE 9092
ENTRYPOINT []
CMD ["/etc/kafka/docker/run"]
