FROM python:3.11 AS build
RUN make
FROM python:3.11-slim
COPY --from=build /out /opt/out
