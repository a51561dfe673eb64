# Stands in for prom/prometheus where it cannot be pulled: Debian's, with the same user, port, data folder and command line.
FROM strandline-local/debian
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends prometheus \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
  && install -d -o nobody -g nogroup /prometheus
USER nobody
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["/usr/bin/prometheus"]
