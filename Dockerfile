# One static program in an empty image. docs/container.md tells how to run it.
#
# `docker build -t posthaste .`; on a machine without a container engine, scripts/container does the same.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# `dist` optimises at link time; `release` builds in half the time.
ARG PROFILE=dist
# A target named explicitly keeps the flags from procedural macros, which cannot be static.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN --mount=type=cache,target=/src/target \
    target=$(rustc -vV | sed -n 's/^host: //p') \
    && cargo build --locked --profile "$PROFILE" --target "$target" \
    && mkdir -p /image/usr/bin /image/var/lib/posthaste /image/tmp \
    && cp "target/$target/$PROFILE/posthaste" /image/usr/bin/ \
    && chmod 1777 /image/tmp

FROM scratch
COPY --from=build --chown=0:0 /image /
COPY --from=build --chown=10001:10001 /image/var/lib/posthaste /var/lib/posthaste
ENV PATH=/usr/bin POSTHASTE_DATA=/var/lib/posthaste
# A number, so that Kubernetes can see that it is not root. Docker lets any user bind low ports in a container.
USER 10001:10001
VOLUME /var/lib/posthaste
# SMTP, submission with STARTTLS and with implicit TLS, IMAP with STARTTLS and with implicit TLS, ManageSieve
EXPOSE 25 587 465 143 993 4190
# Drains: running transactions finish, idle clients get BYE.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["posthaste", "health"]
ENTRYPOINT ["posthaste"]
CMD ["serve"]
