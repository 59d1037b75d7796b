FROM python:3.11 AS build
WORKDIR /build
FROM build
COPY x y/
