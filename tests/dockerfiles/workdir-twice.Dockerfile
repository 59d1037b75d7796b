FROM python:3.11-slim
WORKDIR /a
WORKDIR b
COPY x y
