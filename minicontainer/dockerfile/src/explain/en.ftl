# What each instruction of a Dockerfile does to layers, metadata and cache, in English.
#
# One message for each kind of instruction, with three attributes. `$words` is what stands behind the instruction's name.

label-layers = Layers:
label-metadata = Metadata:
label-cache = Cache:
closing = A layer's key is a digest of the key below it, of the instruction and of the content it reads. So the first layer whose key has changed is built anew, and with it all layers above, since they stand upon other files. Put what changes often, such as your own sources, as far down in the file as you can.

instruction-add = Copy into the image, and unpack archives: { $words }
    .layers = One layer with the copied files. A tar archive of the context is unpacked, compressed or not; everything else is copied as it is.
    .metadata = A line of history.
    .cache = Used again as long as the sources' names, permissions and contents are the same. Their times do not count.

instruction-arg = Declare variables of the build: { $words }
    .layers = None: no file changes.
    .metadata = A line of history with the value, which everybody who has the image can read. The variable itself is not in the image: it is gone when the build is done.
    .cache = A new value (--build-arg) builds every later RUN of the stage anew, since a command sees the variable. A COPY does not mind.

instruction-cmd = What runs if nobody says otherwise: { $words }
    .layers = None: no file changes.
    .metadata = Sets Cmd, and takes the earlier one's place. With an ENTRYPOINT it is that one's arguments. Without brackets a shell runs it, and the shell, not the program, gets the signals.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-copy = Copy from the context: { $words }
    .layers = One layer with the copied files. What .dockerignore names is not there to be copied.
    .metadata = A line of history.
    .cache = Used again as long as the sources' names, permissions and contents are the same. Their times do not count, so a fresh checkout of the same files builds nothing anew.

instruction-copy-from = Copy from another stage or image: { $words }
    .layers = One layer with the copied files, and nothing else of the other stage: its compilers and sources stay behind. That is what stages are for.
    .metadata = A line of history.
    .cache = Used again as long as the content of the copied files is the same, even if the other stage had to be built anew.

instruction-entrypoint = What runs in any case: { $words }
    .layers = None: no file changes.
    .metadata = Sets Entrypoint, and takes away the Cmd of the base image, which was meant for another program. Arguments of `run` are put behind it.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-env = Set variables: { $words }
    .layers = None: no file changes.
    .metadata = Adds to Env: every later instruction sees the variables, and so does the program. Secrets do not belong here, for everybody who has the image can read them.
    .cache = A new value builds every later RUN anew, since a command sees the variable.

instruction-expose = Note the ports that the program listens at: { $words }
    .layers = None: no file changes.
    .metadata = Adds to ExposedPorts. It opens nothing; it is a note for whoever runs the image.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-from = Begin a stage upon { $words }
    .layers = The base's layers lie below. They are not copied: a layer is stored once, by its digest, however many images use it.
    .metadata = The stage begins with the base's config. What the base left for its children (ONBUILD) is done first.
    .cache = The base's digest goes into every key above it: a new base builds the stage anew, the same base under another name does not.

instruction-from-scratch = Begin a stage upon nothing: { $words }
    .layers = None yet: there is not a single file, not even a shell. So RUN needs a program that was copied in before.
    .metadata = An empty config, but for PATH.
    .cache = Nothing below can change, so everything depends on this file and on what is copied.

instruction-healthcheck = How to see whether the program is well: { $words }
    .layers = None: no file changes.
    .metadata = Sets Healthcheck, in place of the base's.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time, so a changed check can never be lost in a cache.

instruction-label = Write notes on the image: { $words }
    .layers = None: no file changes.
    .metadata = Adds to Labels.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-maintainer = Name the author: { $words }
    .layers = None: no file changes.
    .metadata = Sets the author. The instruction is old; write LABEL org.opencontainers.image.authors instead.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-onbuild = Leave an instruction to those who build upon this image: { $words }
    .layers = None now. It is carried out right behind the FROM of a build that is based on this one.
    .metadata = Adds to OnBuild. A child carries it out and does not hand it on.
    .cache = Costs nothing here; in the child it is an instruction as others.

instruction-run = Run a command in a container: { $words }
    .layers = One layer with every file that the command added, changed or deleted. A file that an earlier layer holds stays there even if it is deleted here: delete in the same RUN what you do not want to ship. What is mounted (--mount) leaves no trace.
    .metadata = A line of history with the command and the values of ARG.
    .cache = Used again if the command, its variables, its user, its directory and all layers below are the same. What it fetches from the network nobody looks at: `RUN apt-get update` is not done again merely because there is something new.

instruction-shell = The shell for commands without brackets: { $words }
    .layers = None: no file changes.
    .metadata = Sets Shell.
    .cache = Builds every later RUN without brackets anew, since it is another command.

instruction-stopsignal = The signal that asks the program to end: { $words }
    .layers = None: no file changes.
    .metadata = Sets StopSignal; without it, it is SIGTERM.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-user = Who runs what follows: { $words }
    .layers = None: no file changes, and the user is not created.
    .metadata = Sets User, for later RUN instructions and for the program. Without it, it is root of the container.
    .cache = Builds every later RUN anew, since another user may do other things.

instruction-volume = Directories that outlive containers: { $words }
    .layers = None: no file changes.
    .metadata = Adds to Volumes: every container gets a fresh volume there, filled with what the image has in that place.
    .cache = Costs nothing and spoils nothing: a config is computed anew each time.

instruction-workdir = Work in the directory { $words }
    .layers = One layer with the directory, empty if it was there already.
    .metadata = Sets WorkingDir, for later instructions and for the program. A relative path begins where the last one ended.
    .cache = Used again as long as the path, the user and all layers below are the same.
