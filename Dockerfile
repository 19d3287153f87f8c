# The worker's image: one static binary and the CA certificates, nothing else. BuildKit builds it, Docker's own since 23.
#   docker build --tag bwp-sync .
#   docker build --tag bwp-sync:development --target development .    with the simulator; never for production
# Not here: settings (config/default.toml). scripts/image proves the stages that are shipped.

FROM rust:1.95-bookworm AS source
WORKDIR /src
COPY . .
# Static: the image has no C library. cargo must be given a target all the same, even the machine's own: without one the
# flags would go to build scripts and procedural macros too, and those cannot be static.
ENV RUSTFLAGS="-C target-feature=+crt-static"

FROM source AS build
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    host=$(rustc --print host-tuple) \
    && cargo build --release --locked --target "$host" --bin bwp-sync \
    && cp "target/$host/release/bwp-sync" /bwp-sync

FROM source AS build-simulator
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    host=$(rustc --print host-tuple) \
    && cargo build --release --locked --target "$host" --features simulator --bin bwp-simulator \
    && cp "target/$host/release/bwp-simulator" /bwp-simulator

FROM scratch AS base
LABEL org.opencontainers.image.title="bwp-sync" \
      org.opencontainers.image.description="Keeps a shop and Buy with Prime in step" \
      org.opencontainers.image.licenses="Apache-2.0"
# The worker refuses to start without authorities to trust.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /bwp-sync /bwp-sync
# Probes and metrics. In the environment, so that the health check knows the address as well.
ENV BWP__ADMIN__LISTEN=0.0.0.0:9464
EXPOSE 9464
# One arena for all threads: 2 MiB less memory at 256 calls, see docs/performance.md.
ENV MALLOC_ARENA_MAX=1
# By number: Kubernetes cannot tell whether a name is root's, and there is no /etc/passwd.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/bwp-sync", "check", "--live"]
ENTRYPOINT ["/bwp-sync"]
CMD ["run"]

FROM base AS development
COPY --from=build-simulator /bwp-simulator /bwp-simulator

# The last stage is what `docker build` makes unless told otherwise.
FROM base AS runtime
