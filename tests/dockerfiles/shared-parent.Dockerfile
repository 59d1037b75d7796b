FROM python:3.11 AS a
WORKDIR /a
FROM debian:12 AS other
COPY q q
FROM a
COPY x x
