# The gateway's image brings its own Node, so the pinned one of optionalDependencies stays out.
#   docker build -t product-upgrade-gateway .
#   docker build -t product-upgrade-emulator --target emulator .   (for docker-compose.yml only)

FROM node:24-slim AS emulator
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional
COPY config ./config
COPY src ./src
RUN mkdir data && chown node:node data
USER node
CMD ["node", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "src/commands/emulator.ts"]

FROM node:24-slim AS gateway
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY config/default.yaml config/custom-environment-variables.yaml ./config/
COPY src ./src
# What the gateway runs without stays out of the image.
RUN rm -rf src/emulator src/commands/demo.ts src/commands/local.ts src/commands/local-stack.ts src/commands/token.ts src/commands/emulator.ts \
  && mkdir data && chown node:node data
USER node
# The root file system may be read-only: data/ is all that is ever written.
VOLUME /app/data
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "src/main.ts"]
