FROM python:3.11-slim
COPY --from=busybox:1.36 /bin/busybox bin/
