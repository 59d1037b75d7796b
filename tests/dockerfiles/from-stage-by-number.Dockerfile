FROM python:3.11
RUN make
FROM python:3.11-slim
COPY --from=0 /out out/
