FROM debian:12
ADD --keep-git-dir=true https://example.com/team/repo.git#main src
