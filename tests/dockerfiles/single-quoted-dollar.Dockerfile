FROM prefecthq/prefect:3.8.8-python3.11
ENV X=/y
COPY flow.py '$X'/
