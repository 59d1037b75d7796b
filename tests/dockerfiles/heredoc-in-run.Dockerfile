FROM prefecthq/prefect:3.8.8-python3.11
RUN <<EOF
COPY a b
EOF
COPY c d/
