#!/bin/sh
# Lesson 9, one solution.
set -eu
minicontainer run --name left --env "WORD=$1" busybox sh -c 'echo "$WORD" > /note'
minicontainer run --name right busybox rm /etc/group
