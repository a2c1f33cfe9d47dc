#!/bin/sh
# Lesson 9, to read and run: creates a file in one container and looks for it everywhere else.
set -u
minicontainer image seed

# ANCHOR: two
minicontainer run --name one busybox sh -c 'echo hello from one > /root/note'
minicontainer run --name two busybox ls /root
# ANCHOR_END: two

# ANCHOR: look
minicontainer diff one
minicontainer diff two
ls /root/note
# ANCHOR_END: look

minicontainer rm one two
