FROM prefecthq/prefect:3.8.8-python3.11
COPY <<EOF /flows/settings.toml
COPY a b
EOF
RUN true
