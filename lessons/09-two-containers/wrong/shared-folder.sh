#!/bin/sh
# Lesson 9, a wrong solution: the note is in a bind-mounted folder of the host, not in the writable layer.
set -eu
folder=$(mktemp -d)
minicontainer run --name left --env "WORD=$1" -v "$folder:/shared" busybox sh -c 'echo "$WORD" > /shared/note'
minicontainer run --name right busybox rm /etc/group
rm -r "$folder"
