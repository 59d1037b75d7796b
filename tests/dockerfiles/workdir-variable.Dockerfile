FROM python:3.11-slim
ARG HOME_DIR=/srv/app
WORKDIR $HOME_DIR
COPY x y/
