# What the command `demo` says, in English. Keys begin with `demo-`.

demo-heading = Two containers of one image
demo-who-root = You are root, so the containers are isolated with root's own privileges.
demo-who-user = You are an ordinary user (uid { $uid }), so the containers are isolated inside a user namespace: root inside is your own user outside.
demo-forbidden = An ordinary user needs a user namespace to isolate anything, and this machine does not let you create one: { $cause }.
demo-fix = run the demo as root (sudo), or let users create user namespaces: on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian `sudo sysctl kernel.unprivileged_userns_clone=1`, elsewhere `sudo sysctl user.max_user_namespaces=15000`; inside another container, that container must allow it. `minicontainer doctor` shows more

demo-image = An image, made without a network
demo-image-busybox = The image { $name } has just been made from a program of this machine, { $program }: one file that contains { $applets } programs.
demo-image-tools = The image { $name } has just been made from { $programs } programs of this machine, such as { $program }, and the libraries that they need.
demo-image-present = The image { $name } already existed.
demo-image-layers = It has { $count ->
    [one] one layer
   *[other] { $count } layers
 } ({ $size }). A layer is a directory of files that never change; its name is the digest of its content:

demo-start = Two containers, running at the same time
demo-start-one = The first container says: “I am process { $inside } on the machine { $hostname }.”
demo-start-two = The second container says: “I am process { $inside } on the machine { $hostname }.”
demo-start-host = Two processes number 1? For the host they are { $one } and { $two }: ordinary processes of this one kernel, Linux { $release }. Each has its own pid namespace and UTS namespace, so its process ids start at 1 and it has its own hostname.

demo-write = The first container writes a file; who can see it?
demo-found = there, it says “{ $content }”
demo-absent = not there
demo-place-one = in the first container
demo-place-two = in the second container
demo-place-third = in a third container, created from the image just now
demo-place-image = in the layers of the image
demo-place-host = on the host, at the same path

demo-where = So where is the file?
demo-where-overlay = Both containers share the same layers, which are stored once. The kernel's overlay file system adds a directory on top for each container, its upper directory: reads go through it to the layers, writes stay in it.
demo-where-copy = Overlayfs cannot be used here, so each container has a full copy of all layers and writes into that:
demo-where-shared = the layers that both share, read-only
demo-where-one = the upper directory of the first holds
demo-where-two = the upper directory of the second holds
demo-where-copy-one = changes in the copy of the first
demo-where-copy-two = changes in the copy of the second
demo-where-nothing = nothing

demo-end = Both containers have been stopped and removed, and with them the file. The image is kept for you:
demo-end-time = It took { $milliseconds } ms from the first start to the last exit.

demo-false = The demo found an unexpected result: { $claim }. This is a bug in minicontainer; please report it.
demo-claim-process = the program is process { $seen } of its container instead of 1
demo-claim-hostname = the container's hostname is { $seen } instead of { $expected }
demo-claim-host-process = the host has no process of its own for each container
demo-claim-content = the file says “{ $seen }” instead of “{ $expected }”
demo-claim-leak = the file of the first container was seen { $place }
demo-claim-layers = the two containers do not share their layers
demo-claim-change = the changes of a container are { $seen } instead of { $expected }
