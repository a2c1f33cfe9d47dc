#!/bin/sh
# Lesson 9, a wrong solution: --rm removes the container with its writable layer when its process exits.
set -eu
minicontainer run --rm --name left --env "WORD=$1" busybox sh -c 'echo "$WORD" > /note'
minicontainer run --rm --name right busybox rm /etc/group
