FROM prefecthq/prefect:3.8.8-python3.11
COPY <<A <<B flows/
one
A
two
B
COPY x y
