# What the command `demo` says, in English. Keys begin with `demo-`.
