//! The commands: first those about containers, then the others in alphabetical order.

use super::{
    Absent,
    Plan::{self, Later, Never},
};

const ADDRESSES: &str = "containers have no addresses of their own";
const BUILDERS: &str = "builds run in this program, so there are no builders to choose from";
const BUILDERS_HINT: &str = "`minicontainer build` builds, `minicontainer builder du` shows the cache";
const CLUSTER: &str = "this engine runs containers on one machine, not on a cluster";
const CLUSTER_HINT: &str = "start a container on each machine with `minicontainer run`";
const DAEMON: &str = "there is no daemon to connect to";
const DESKTOP: &str = "it is a plugin of Docker Desktop";
const FOREGROUND: &str = "containers run in the foreground of `run` only, and end with it";
const NETWORK_HINT: &str =
    "--network host gives a container the host's own network, and --network none only loopback";
const SIGNATURES: &str = "signatures of images are not supported, but content is verified by its digest";
const VOLUMES: &str = "directories of the store cannot be mounted";
const VOLUMES_HINT: &str = "mount a directory of the host: minicontainer run -v \"$(pwd)/data:/data\" IMAGE";

/// The commands about containers, which exist with and without `container` in front; `prune` only with it.
pub(super) const CONTAINER: &[Absent] = &[
    later("attach", FOREGROUND, "minicontainer run -it IMAGE connects the program to your terminal"),
    later(
        "cp",
        "files cannot be copied into or out of a container",
        "`minicontainer export CONTAINER | tar -x PATH` copies out of it, and `run -v DIR:DIR` shares a directory",
    ),
    later(
        "create",
        "a container is created and started by one command",
        "`minicontainer run` does both, and `minicontainer explain` shows the steps without running them",
    ),
    later(
        "exec",
        "a program cannot be started in a running container",
        "start all programs from one shell: minicontainer run -it IMAGE sh",
    ),
    later(
        "kill",
        FOREGROUND,
        "`minicontainer rm -f CONTAINER` kills and removes it; a signal sent to its `run` is forwarded to the program",
    ),
    later(
        "logs",
        "the output of a container is not kept",
        "redirect the output of its `run`: minicontainer run IMAGE > output.txt",
    ),
    later(
        "pause",
        "a running container cannot be paused by itself",
        "limit it from the start (for example, minicontainer run --cpus 0.1 IMAGE); `commit` pauses it for its copy",
    ),
    later("port", "ports of containers are not published", NETWORK_HINT),
    later(
        "prune",
        "containers are only pruned together with other unused data",
        "`minicontainer rm $(minicontainer ps -aq -f status=exited)`, or `minicontainer system prune`",
    ),
    later("rename", "a container keeps its name", "choose it at the start: minicontainer run --name NAME IMAGE"),
    later("restart", FOREGROUND, "press Ctrl-C where the container runs, and `run` it again"),
    later(
        "start",
        "a container runs once",
        "`minicontainer commit CONTAINER NEW`, then `minicontainer run NEW`, continues with its files",
    ),
    later(
        "stats",
        "the usage of a running container is not shown",
        "`minicontainer run --report FILE IMAGE` writes the usage when the container exits",
    ),
    later(
        "stop",
        FOREGROUND,
        "press Ctrl-C where the container runs, or send SIGTERM to its `run`; `minicontainer rm -f CONTAINER` kills it",
    ),
    later(
        "top",
        "the processes of a running container are not listed",
        "`ps -ef` on the host shows them, and so does `ps` in the container",
    ),
    later("unpause", "no container is paused", "`minicontainer ps -a` lists the containers with their states"),
    later(
        "update",
        "limits cannot be changed while a container runs",
        "set them at the start (for example, minicontainer run -m 64m --cpus 0.5 IMAGE)",
    ),
    later("wait", FOREGROUND, "`run` exits with the program's exit code; in a shell, `run … & wait $!` waits for it"),
];

/// All other commands.
pub(super) const OTHERS: &[Absent] = &[
    never("ai", DESKTOP, "`minicontainer --help` lists the commands"),
    never("bake", "a build is one Dockerfile", "call `minicontainer build` for each image"),
    never("buildx bake", "a build is one Dockerfile", "call `minicontainer build` for each image"),
    never("buildx", BUILDERS, BUILDERS_HINT)
        .with("create dap debug dial-stdio inspect install ls policy rm stop uninstall use"),
    later("buildx history", "builds are not recorded", "`minicontainer history IMAGE` shows how an image was made")
        .with("export import inspect logs ls open rm trace"),
    never(
        "buildx imagetools",
        "images in registries are not changed in place",
        "`minicontainer pull` and `minicontainer image inspect` show what an image contains",
    )
    .with("create inspect"),
    never("buildx version", BUILDERS, "`minicontainer version` shows the version of this program"),
    never(
        "checkpoint",
        "the memory of processes cannot be saved",
        "`minicontainer commit` saves a container's files as an image",
    )
    .with("create ls rm"),
    later(
        "compose",
        "several containers cannot be described in one file",
        "start each one with `minicontainer run`, from a script",
    )
    .with(
        "attach bridge commit config convert cp create down events exec export images kill logs ls pause port ps \
         publish restart rm run scale start stats stop top unpause up version volumes wait watch",
    ),
    later("compose build", "several images cannot be described in one file", "use `minicontainer build` for each one"),
    later("compose pull", "several images cannot be described in one file", "use `minicontainer pull` for each one"),
    later("compose push", "several images cannot be described in one file", "use `minicontainer push` for each one"),
    never("config", CLUSTER, "give a container a file: minicontainer run -v \"$(pwd)/FILE:/FILE:ro\" IMAGE")
        .with("create inspect ls rm"),
    never("context", DAEMON, "MINICONTAINER_ROOT=DIRECTORY chooses another store of images and containers")
        .with("create export import inspect ls rm show update use"),
    never("debug", DESKTOP, "`minicontainer run -it IMAGE sh` starts a shell in a new container of the image"),
    never("desktop", DESKTOP, "`minicontainer doctor` checks this machine"),
    later("events", "events are not recorded", "`minicontainer ps -a` lists the containers with their states"),
    never("extension", DESKTOP, "`minicontainer --help` lists the commands"),
    later(
        "info",
        "there is no daemon to ask",
        "`minicontainer doctor` checks this machine, and `minicontainer system df` shows the disk usage",
    ),
    never("init", DESKTOP, "write a Dockerfile, then `minicontainer build --explain .` explains it"),
    never(
        "manifest",
        "lists of images for several platforms are only read",
        "`minicontainer pull --platform` chooses an image of a list, `minicontainer image inspect` shows it",
    )
    .with("annotate create inspect push rm"),
    never("mcp", DESKTOP, "`minicontainer --help` lists the commands"),
    never("model", DESKTOP, "`minicontainer --help` lists the commands"),
    later("network", ADDRESSES, NETWORK_HINT).with("connect create disconnect inspect ls prune rm"),
    never("node", CLUSTER, CLUSTER_HINT).with("demote inspect ls promote ps rm update"),
    never("offload", DESKTOP, "`minicontainer --help` lists the commands"),
    never("plugin", DAEMON, "`minicontainer --help` lists the commands")
        .with("create disable enable inspect install ls push rm set upgrade"),
    never("sbom", DESKTOP, "`minicontainer save -o FILE IMAGE` writes an archive that scanners read"),
    never("scout", DESKTOP, "`minicontainer save -o FILE IMAGE` writes an archive that scanners read"),
    never(
        "search",
        "registries have no common interface for it; Docker asks the web site of Docker Hub",
        "look on the registry's web page, then `minicontainer pull NAME`",
    ),
    never(
        "secret",
        CLUSTER,
        "`minicontainer build --secret` gives one to a build; `run -v \"$(pwd)/FILE:/run/secrets/FILE:ro\"` to a container",
    )
    .with("create inspect ls rm"),
    never("service", CLUSTER, CLUSTER_HINT).with("create inspect logs ls ps rm rollback scale update"),
    never("stack", CLUSTER, CLUSTER_HINT).with("config deploy ps rm services"),
    never("swarm", CLUSTER, CLUSTER_HINT).with("ca init join join-token leave unlock unlock-key update"),
    never("system dial-stdio", DAEMON, "`minicontainer doctor` checks this machine"),
    never("trust", SIGNATURES, "pull by digest: minicontainer pull NAME@sha256:…").with("inspect revoke sign"),
    never("trust key", SIGNATURES, "pull by digest: minicontainer pull NAME@sha256:…").with("generate load"),
    never("trust signer", SIGNATURES, "pull by digest: minicontainer pull NAME@sha256:…").with("add remove"),
    later("volume", VOLUMES, VOLUMES_HINT).with("create inspect prune update"),
    later("volume ls", VOLUMES, "`minicontainer inspect --format '{{json .Mounts}}' CONTAINER` shows its mounts"),
    later("volume rm", VOLUMES, "a directory that was mounted with -v is removed like any other"),
];

const fn later(words: &'static str, reason: &'static str, hint: &'static str) -> Absent {
    absent(words, Later, reason, hint)
}

const fn never(words: &'static str, reason: &'static str, hint: &'static str) -> Absent {
    absent(words, Never, reason, hint)
}

const fn absent(words: &'static str, plan: Plan, reason: &'static str, hint: &'static str) -> Absent {
    Absent { words, below: "", plan, reason, hint }
}

impl Absent {
    const fn with(mut self, below: &'static str) -> Absent {
        self.below = below;
        self
    }
}
