FROM python:3.11 AS Build
WORKDIR /build
FROM BUILD AS final
COPY x y/
