# What each instruction of a Dockerfile does to layers, metadata and cache, in English.
#
# One message for each kind of instruction, with three attributes. `$words` is the text after the instruction's name.

label-layers = Layers:
label-metadata = Metadata:
label-cache = Cache:
closing = A layer's key is a digest of the key below it, of the instruction and of the content it reads. So the first layer whose key has changed is rebuilt, and with it all layers above, because the files below them have changed. Put what changes often, such as your own sources, as far down in the file as possible.

instruction-add = Copy into the image, and unpack archives: { $words }
    .layers = One layer with the copied files. A tar archive of the context is unpacked, compressed or not; everything else is copied as it is.
    .metadata = A line of history.
    .cache = Reused as long as the sources' names, permissions and contents are the same. Their times are ignored.

instruction-arg = Declare variables of the build: { $words }
    .layers = None: no file changes.
    .metadata = A line of history with the value, which anyone who has the image can read. The variable itself is not in the image: it exists only during the build.
    .cache = A new value (--build-arg) rebuilds every later RUN of the stage, because a command sees the variable. A COPY is not affected.

instruction-cmd = Set the default command: { $words }
    .layers = None: no file changes.
    .metadata = Sets Cmd, and replaces an earlier one. With an ENTRYPOINT it provides the default arguments. Without brackets a shell runs it, and the shell, not the program, gets the signals.
    .cache = No effect: the config is always computed again.

instruction-copy = Copy from the context: { $words }
    .layers = One layer with the copied files. Files in .dockerignore are not part of the context.
    .metadata = A line of history.
    .cache = Reused as long as the sources' names, permissions and contents are the same. Their times are ignored, so a fresh checkout of the same files rebuilds nothing.

instruction-copy-from = Copy from another stage or image: { $words }
    .layers = One layer with the copied files, and nothing else of the other stage: its compilers and sources are not in the image. This is the purpose of stages.
    .metadata = A line of history.
    .cache = Reused as long as the content of the copied files is the same, even if the other stage was rebuilt.

instruction-entrypoint = Set the entrypoint: { $words }
    .layers = None: no file changes.
    .metadata = Sets Entrypoint, and clears the Cmd of the base image, which was meant for another program. Arguments of `run` are appended to it.
    .cache = No effect: the config is always computed again.

instruction-env = Set variables: { $words }
    .layers = None: no file changes.
    .metadata = Adds to Env: every later instruction sees the variables, and so does the program. Do not put secrets here, because anyone who has the image can read them.
    .cache = A new value rebuilds every later RUN, because a command sees the variable.

instruction-expose = Document the ports that the program listens on: { $words }
    .layers = None: no file changes.
    .metadata = Adds to ExposedPorts. It opens no port; it is documentation for users of the image.
    .cache = No effect: the config is always computed again.

instruction-from = Begin a stage from { $words }
    .layers = The base's layers are below. They are not copied: a layer is stored once, by its digest, however many images use it.
    .metadata = The stage begins with the base's config. The base's ONBUILD triggers run first.
    .cache = The base's digest is part of every key above it: a new base rebuilds the stage, the same base under another name does not.

instruction-from-scratch = Begin a stage from nothing: { $words }
    .layers = None yet: there is not a single file, not even a shell. So RUN needs a program that was copied in before.
    .metadata = An empty config, except for PATH.
    .cache = There is no base that can change, so everything depends on this file and on what is copied.

instruction-healthcheck = Set the health check: { $words }
    .layers = None: no file changes.
    .metadata = Sets Healthcheck, and replaces the base's.
    .cache = No effect: the config is always computed again, so a cache cannot hide a changed check.

instruction-label = Add labels: { $words }
    .layers = None: no file changes.
    .metadata = Adds to Labels.
    .cache = No effect: the config is always computed again.

instruction-maintainer = Set the author: { $words }
    .layers = None: no file changes.
    .metadata = Sets the author. The instruction is deprecated; use LABEL org.opencontainers.image.authors instead.
    .cache = No effect: the config is always computed again.

instruction-onbuild = Add a trigger for builds based on this image: { $words }
    .layers = None now. It runs immediately after the FROM of a build that is based on this image.
    .metadata = Adds to OnBuild. A child image runs it and does not inherit it.
    .cache = No effect here; in the child it is an ordinary instruction.

instruction-run = Run a command in a container: { $words }
    .layers = One layer with every file that the command added, changed or deleted. A file in an earlier layer stays there even if it is deleted here: delete in the same RUN what you do not want to ship. Mounts (--mount) are not part of the layer.
    .metadata = A line of history with the command and the values of ARG.
    .cache = Reused if the command, its variables, its user, its directory and all layers below are the same. Downloads are not checked: `RUN apt-get update` does not run again only because there are updates.

instruction-shell = Set the shell for commands without brackets: { $words }
    .layers = None: no file changes.
    .metadata = Sets Shell.
    .cache = Rebuilds every later RUN without brackets, because it is another command.

instruction-stopsignal = Set the signal that stops the program: { $words }
    .layers = None: no file changes.
    .metadata = Sets StopSignal; the default is SIGTERM.
    .cache = No effect: the config is always computed again.

instruction-user = Set the user: { $words }
    .layers = None: no file changes, and the user is not created.
    .metadata = Sets User, for later RUN instructions and for the program. The default is root of the container.
    .cache = Rebuilds every later RUN, because another user has other permissions.

instruction-volume = Declare volumes: { $words }
    .layers = None: no file changes.
    .metadata = Adds to Volumes. Other engines create a volume there for every container, filled with what the image has at that path. This engine has no volumes yet: what a container writes there is in its writable layer.
    .cache = No effect: the config is always computed again.

instruction-workdir = Set the working directory: { $words }
    .layers = One layer with the directory; empty if it already exists.
    .metadata = Sets WorkingDir, for later instructions and for the program. A relative path is relative to the previous one.
    .cache = Reused as long as the path, the user and all layers below are the same.
