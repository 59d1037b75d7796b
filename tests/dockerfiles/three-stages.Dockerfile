FROM python:3.11 AS a
COPY x x/
FROM a AS b
WORKDIR /b
COPY x x/
FROM b
COPY x /x/
