FROM python:3.11 AS b
FROM python:3.11-slim
COPY --from=b --chown=1:1 --chmod=755 --link ["/out dir", "out dir/"]
