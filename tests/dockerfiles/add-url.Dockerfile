FROM debian:12
ADD https://example.com/data.csv data/
