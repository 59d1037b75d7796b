# escape=`
FROM mcr.example.com/windows/servercore:ltsc2022
COPY flow.py `
     flows\
