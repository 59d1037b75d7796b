FROM python:3.11-slim
WORKDIR /my app
COPY x y/
