# The image of every process: docker build -t dreamlab .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH sh cmd/deploy/build /dreamlab

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title="Dream Lab" \
      org.opencontainers.image.description="Answers chats by day and makes its model better by night"
COPY --from=build /dreamlab /usr/local/bin/dreamlab
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["dreamlab"]
CMD ["api", "--addr", "0.0.0.0:8080"]
