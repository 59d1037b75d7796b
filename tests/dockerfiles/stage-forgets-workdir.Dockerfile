FROM python:3.11 AS build
WORKDIR /build
COPY x /y/
FROM python:3.11-slim
COPY x y/
