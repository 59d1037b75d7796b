FROM python:3.11-slim
# escape=`
COPY a.py \
  flows/
